//! The load generator `wrk`, which costs less per request than anything we could write.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::Outcome;

/// What `wrk` asks for, over 64 keep-alive connections from one thread.
#[derive(Debug)]
pub(crate) struct Wrk {
    script: PathBuf,
    token: String,
}

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answered {
    pub(crate) requests: f64,
    /// Per second.
    pub(crate) rate: f64,
}

impl Wrk {
    /// Asks for these paths in turn. The script is the same for whatever is compared, and so is its cost.
    pub(crate) fn new(directory: &Path, name: &str, paths: &[String], token: &str) -> Outcome<Self> {
        let script = directory.join(format!("{name}.lua"));
        let mut text = String::from("local requests = {}\nfunction init(args)\n  local paths = {\n");
        for path in paths {
            text.push_str(&format!("    {path:?},\n"));
        }
        // Formatted once: then the cost per request is one look into a table.
        text.push_str(
            "  }\n  for i, path in ipairs(paths) do requests[i] = wrk.format(\"GET\", path) end\nend\n\
             local at = 0\nfunction request()\n  at = at % #requests + 1\n  return requests[at]\nend\n",
        );
        std::fs::write(&script, text)?;
        Ok(Self {
            script,
            token: token.to_owned(),
        })
    }

    /// Runs it against a server.
    pub(crate) fn run(&self, address: SocketAddr, time: Duration) -> Outcome<Answered> {
        let output = Command::new("wrk")
            .args(["-t1", "-c64", &format!("-d{}s", time.as_secs().max(1))])
            .args(["-H", &format!("Authorization: Bearer {}", self.token)])
            .arg("-s")
            .arg(&self.script)
            .arg(format!("http://{address}"))
            .output()
            .map_err(|error| {
                format!("`wrk` cannot be started ({error}): install it, on Debian with `apt install wrk`")
            })?;
        let text = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() {
            return Err(format!("wrk: {}{}", text, String::from_utf8_lossy(&output.stderr)).into());
        }
        // Answers other than 2xx and 3xx, and broken connections, would look like speed.
        if let Some(line) = text
            .lines()
            .find(|line| line.contains("Non-2xx") || line.contains("Socket errors"))
        {
            return Err(format!("wrk: {}", line.trim()).into());
        }
        let rate = text
            .lines()
            .find_map(|line| line.strip_prefix("Requests/sec:")?.trim().parse().ok());
        let requests = text
            .lines()
            .find_map(|line| line.trim().split_once(" requests in ")?.0.parse().ok());
        match (requests, rate) {
            (Some(requests), Some(rate)) => Ok(Answered { requests, rate }),
            _ => Err(format!("wrk did not say how fast it was: {text}").into()),
        }
    }
}
