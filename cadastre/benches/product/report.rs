//! What the benchmark says: aligned tables for people while it runs, key figures beside their goals at the end,
//! and all of it as JSON.

use std::time::Instant;

use serde_json::{Map, Value, json};

use crate::machine;
use crate::numbers::Spread;

/// A value with the way it is shown.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    shown: String,
    value: Value,
}

impl Cell {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        let shown = text.into();
        Self {
            value: json!(shown),
            shown,
        }
    }

    /// A count or a rate: whole, with separators.
    pub(crate) fn count(number: f64) -> Self {
        Self {
            shown: grouped(number),
            value: json!(number.round()),
        }
    }

    /// Milliseconds with three digits that count.
    pub(crate) fn millis(number: f64) -> Self {
        let digits = if number < 1.0 {
            3
        } else if number < 100.0 {
            2
        } else {
            0
        };
        Self {
            shown: format!("{number:.digits$}"),
            value: json!(number),
        }
    }

    pub(crate) fn decimal(number: f64) -> Self {
        Self {
            shown: format!("{number:.2}"),
            value: json!(number),
        }
    }

    /// Median and range of rates.
    pub(crate) fn rates(spread: Spread) -> Self {
        let Spread { median, min, max } = spread;
        Self {
            shown: format!("{} ({}–{})", grouped(median), grouped(min), grouped(max)),
            value: json!({"median": median.round(), "min": min.round(), "max": max.round()}),
        }
    }

    /// Median and range of ratios.
    pub(crate) fn ratios(spread: Spread) -> Self {
        let Spread { median, min, max } = spread;
        Self {
            shown: format!("{median:.2} ({min:.2}–{max:.2})"),
            value: json!({"median": median, "min": min, "max": max}),
        }
    }
}

fn grouped(number: f64) -> String {
    let digits = format!("{:.0}", number.abs());
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A key figure and what it should be.
#[derive(Debug)]
struct Figure {
    name: &'static str,
    value: f64,
    goal: Goal,
}

/// What a figure should be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Goal {
    AtLeast(f64),
    AtMost(f64),
}

impl Goal {
    fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtLeast(bound) => value >= bound,
            Self::AtMost(bound) => value <= bound,
        }
    }

    fn in_words(self) -> String {
        match self {
            Self::AtLeast(bound) => format!("at least {bound}"),
            Self::AtMost(bound) => format!("at most {bound}"),
        }
    }
}

/// All that was measured.
#[derive(Debug)]
pub(crate) struct Report {
    machine: Value,
    parts: Vec<Value>,
    figures: Vec<Figure>,
    started: Instant,
}

impl Report {
    pub(crate) fn new(machine: Value) -> Self {
        Self {
            machine,
            parts: Vec::new(),
            figures: Vec::new(),
            started: Instant::now(),
        }
    }

    pub(crate) fn print_head(&self) {
        for (name, value) in self.machine.as_object().into_iter().flatten() {
            println!(
                "{name:<12}{}",
                value.as_str().map_or_else(|| value.to_string(), str::to_owned)
            );
        }
    }

    /// A new part. Says how busy the machine is, because that decides what the figures are worth.
    pub(crate) fn begin(&mut self, title: &str) {
        let load = machine::load();
        println!("\n== {title}");
        println!(
            "   [after {:.0} s; load average of the machine {load}]",
            self.started.elapsed().as_secs_f64()
        );
        self.parts
            .push(json!({"title": title, "loadAverageBefore": load, "tables": [], "notes": []}));
    }

    /// A sentence about the part.
    pub(crate) fn note(&mut self, sentence: &str) {
        println!("   {sentence}");
        self.add("notes", json!(sentence));
    }

    /// A table: the first column is text, the others are numbers.
    pub(crate) fn table(&mut self, columns: &[&str], rows: &[Vec<Cell>]) {
        let width = |at: usize| {
            let cells = rows
                .iter()
                .filter_map(|row| row.get(at))
                .map(|cell| cell.shown.chars().count());
            cells.chain([columns[at].chars().count()]).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns.len()).map(width).collect();
        let line = |texts: &mut dyn Iterator<Item = &str>| {
            let mut out = String::from("  ");
            for (at, (text, width)) in texts.zip(&widths).enumerate() {
                out.push(' ');
                let fill = " ".repeat(width - text.chars().count().min(*width));
                if at == 0 {
                    out.push_str(text);
                    out.push_str(&fill);
                } else {
                    out.push(' ');
                    out.push_str(&fill);
                    out.push_str(text);
                }
            }
            out
        };
        println!("{}", line(&mut columns.iter().copied()));
        for row in rows {
            println!("{}", line(&mut row.iter().map(|cell| cell.shown.as_str())));
        }
        let rows: Vec<Value> = rows
            .iter()
            .map(|row| {
                let cells = columns
                    .iter()
                    .zip(row)
                    .map(|(name, cell)| ((*name).to_owned(), cell.value.clone()));
                Value::Object(cells.collect::<Map<_, _>>())
            })
            .collect();
        self.add("tables", Value::Array(rows));
    }

    fn add(&mut self, list: &str, value: Value) {
        if let Some(Value::Array(list)) = self.parts.last_mut().and_then(|part| part.get_mut(list)) {
            list.push(value);
        }
    }

    /// A key figure.
    pub(crate) fn figure(&mut self, name: &'static str, value: f64, goal: Goal) {
        self.figures.push(Figure { name, value, goal });
    }

    pub(crate) fn print_figures(&self) {
        println!("\n== Key figures");
        for Figure { name, value, goal } in &self.figures {
            let verdict = if goal.is_met(*value) { "met" } else { "MISSED" };
            println!(
                "   {name:<62} {value:>10.2}   goal {:<16} {verdict}",
                goal.in_words()
            );
        }
    }

    pub(crate) fn to_json(&self) -> String {
        let figures: Vec<Value> = self
            .figures
            .iter()
            .map(|Figure { name, value, goal }| {
                json!({"name": name, "value": value, "goal": goal.in_words(), "met": goal.is_met(*value)})
            })
            .collect();
        let all = json!({
            "machine": self.machine,
            "seconds": self.started.elapsed().as_secs(),
            "figures": figures,
            "parts": self.parts,
        });
        format!("{all:#}\n")
    }
}
