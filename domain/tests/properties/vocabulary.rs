//! Loops, implications and the way back from a value to the settings that give it.

use std::collections::BTreeSet;

use cadastre_domain::tags::{
    How, Inheritance, TagDefinition, TagName, TagValue, Vocabulary, VocabularyError,
};
use proptest::collection::btree_set;
use proptest::prelude::*;

use crate::generators::{TAGS, any_tag, any_value, definitions, explicit, tag, value};
use crate::naive;

type Setting = (TagName, TagValue);

fn tag_steps(definitions: &[TagDefinition]) -> BTreeSet<(TagName, TagName)> {
    let steps = |definition: &TagDefinition| {
        definition
            .implies
            .keys()
            .map(|implied| (definition.name.clone(), implied.clone()))
            .collect::<Vec<_>>()
    };
    definitions.iter().flat_map(steps).collect()
}

fn setting_steps(definitions: &[TagDefinition]) -> BTreeSet<(Setting, Setting)> {
    let mut steps = BTreeSet::new();
    for definition in definitions {
        for (implied, values) in &definition.implies {
            for (from, to) in values {
                steps.insert((
                    (definition.name.clone(), from.clone()),
                    (implied.clone(), to.clone()),
                ));
            }
        }
    }
    steps
}

/// Definitions whose implications go anywhere but to the tag itself.
fn any_graph() -> impl Strategy<Value = Vec<TagDefinition>> {
    btree_set((0..TAGS.len(), 0..TAGS.len()), 0..12).prop_map(|edges| {
        let mut definitions = TAGS
            .map(|name| TagDefinition::new(tag(name), Inheritance::Inheritable))
            .to_vec();
        for (from, to) in edges.into_iter().filter(|(from, to)| from != to) {
            definitions[from]
                .implies
                .entry(tag(TAGS[to]))
                .or_default()
                .insert(value("x"), value("y"));
        }
        definitions
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(768))]

    #[test]
    fn a_vocabulary_is_refused_exactly_when_a_tag_leads_back_to_itself(definitions in any_graph()) {
        let steps = tag_steps(&definitions);
        let looping = definitions.iter().any(|d| naive::reaches(&d.name, &d.name, &steps));
        match Vocabulary::new(definitions) {
            Ok(_) => prop_assert!(!looping),
            Err(VocabularyError::Cycle { path }) => {
                prop_assert!(looping);
                prop_assert_eq!(path.first(), path.last());
                let distinct: BTreeSet<&TagName> = path.iter().collect();
                prop_assert_eq!(distinct.len(), path.len() - 1, "each tag of the loop once: {:?}", path);
                for step in path.windows(2) {
                    prop_assert!(steps.contains(&(step[0].clone(), step[1].clone())), "{:?}", path);
                }
            }
            Err(other) => prop_assert!(false, "{}", other),
        }
    }

    #[test]
    fn building_up_one_by_one_and_taking_away_equals_building_at_once(
        definitions in definitions(),
        removed in any_tag(),
    ) {
        let whole = Vocabulary::new(definitions.clone()).unwrap();
        // In the generator's order implied tags come later, so from the back everything is defined.
        let mut grown = Vocabulary::empty();
        for definition in definitions.iter().rev() {
            grown = grown.with(definition.clone()).unwrap();
        }
        prop_assert_eq!(&grown, &whole);
        let rest = definitions.iter().filter(|definition| definition.name != removed).cloned();
        match whole.without(&removed) {
            Ok(smaller) => prop_assert_eq!(Ok(smaller), Vocabulary::new(rest)),
            Err(VocabularyError::StillImplied { by, .. }) => {
                prop_assert_eq!(by, whole.direct_impliers(&removed));
                let refused = matches!(Vocabulary::new(rest), Err(VocabularyError::UndefinedImplied { .. }));
                prop_assert!(refused);
            }
            Err(other) => prop_assert!(false, "{}", other),
        }
    }

    #[test]
    fn implications_reach_the_naive_fixed_point(definitions in definitions(), explicit in explicit()) {
        let vocabulary = Vocabulary::new(definitions.clone()).unwrap();
        let expected = naive::local(&definitions, &explicit);
        let local = vocabulary.local(&explicit);
        let values = local.as_ref().ok().map(|local| {
            local.iter().map(|(tag, local)| (tag.clone(), local.value.clone())).collect()
        });
        prop_assert_eq!(values, expected);
        match local {
            Ok(local) => for (tag, at) in &local {
                match &at.how {
                    How::Set => prop_assert_eq!(explicit.get(tag), Some(&at.value)),
                    How::Implied { by, value } => {
                        prop_assert!(!explicit.contains_key(tag));
                        prop_assert_eq!(&local[by].value, value);
                        prop_assert_eq!(&vocabulary.get(by).unwrap().implies[tag][value], &at.value);
                    }
                }
            },
            Err(clash) => {
                prop_assert!(!explicit.contains_key(&clash.tag));
                prop_assert_ne!(&clash.first.value, &clash.second.value);
                for side in [&clash.first, &clash.second] {
                    let given = &vocabulary.get(&side.by).unwrap().implies[&clash.tag][&side.by_value];
                    prop_assert_eq!(given, &side.value);
                }
            }
        }
    }

    #[test]
    fn settings_that_give_a_value_are_those_that_lead_there(
        definitions in definitions(),
        tag in any_tag(),
        value in any_value(),
    ) {
        let vocabulary = Vocabulary::new(definitions.clone()).unwrap();
        let target = (tag.clone(), value.clone());
        let steps = setting_steps(&definitions);
        let mut expected: BTreeSet<Setting> = BTreeSet::from([target.clone()]);
        expected.extend(
            steps.iter().map(|(from, _)| from).filter(|from| naive::reaches(*from, &target, &steps)).cloned(),
        );
        prop_assert_eq!(vocabulary.settings_that_give(&tag, &value), Vec::from_iter(expected));

        let steps = tag_steps(&definitions);
        let mut expected: BTreeSet<TagName> = BTreeSet::from([tag.clone()]);
        expected.extend(
            definitions.iter().map(|d| &d.name).filter(|name| naive::reaches(*name, &tag, &steps)).cloned(),
        );
        prop_assert_eq!(vocabulary.tags_that_can_set(&tag), Vec::from_iter(expected));
    }

    #[test]
    fn a_value_never_holds_without_one_of_the_settings_that_give_it(
        definitions in definitions(),
        explicit in explicit(),
    ) {
        let vocabulary = Vocabulary::new(definitions).unwrap();
        for (tag, at) in vocabulary.local(&explicit).into_iter().flatten() {
            let settings = vocabulary.settings_that_give(&tag, &at.value);
            prop_assert!(settings.iter().any(|(by, value)| explicit.get(by) == Some(value)));
            let tags = vocabulary.tags_that_can_set(&tag);
            prop_assert!(tags.iter().any(|by| explicit.contains_key(by)));
        }
    }
}
