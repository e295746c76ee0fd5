//! Round trips to a distant store for what an operator does all day: few, and the same however many subscribers there are.

use std::collections::BTreeMap;

use cadastre_storage::{FaultPlan, FaultStore, Op};

use super::*;
use crate::isp::kit::{create_subscriber, named, plan};

struct Far {
    access: Arc<LocalDataAccess>,
    line: FaultPlan,
    space: Uuid,
    v4: Pool,
    plan: Plan,
}

impl Far {
    /// A space with so many subscribers who have an address and a prefix each.
    async fn with(subscribers: usize) -> Self {
        let store = FaultStore::new(Shaped::narrow(Arc::new(MemoryStore::new()), 100));
        let line = store.plan();
        let access = open(Arc::new(store)).await;
        let space = new_space(access.as_ref(), "isp").await;
        let far = Self {
            access,
            line,
            space,
            v4: pool(PoolType::Ipv4Public, "10.0.0.0/16"),
            plan: Plan {
                features: Features {
                    static_ip: Some(true),
                    ipv6_pd: Some(true),
                    ..Features::default()
                },
                ..plan("full", None)
            },
        };
        for made in [&far.v4, &pool(PoolType::Ipv6PrefixDelegation, "2001:db8::/40")] {
            let command = IspCommand::CreatePool {
                pool: Box::new(made.clone()),
                tags: None,
            };
            far.run(command).await;
        }
        far.run(IspCommand::CreateThing {
            thing: Box::new(Thing::Plan(far.plan.clone())),
            secret: None,
        })
        .await;
        for number in 0..subscribers {
            far.make(&format!("before-{number}")).await;
            far.use_case(&format!("before-{number}"), far.provision()).await;
        }
        // What is remembered by every operation is remembered.
        far.costs("warm").await;
        far
    }

    async fn run(&self, command: IspCommand) {
        isp_in(&*self.access, self.space, command).await.unwrap();
    }

    async fn make(&self, id: &str) {
        let made = named(id, &format!("{id}@isp.example"), id);
        self.run(create_subscriber(made)).await;
    }

    async fn use_case(&self, id: &str, what: UseCase) {
        let command = IspCommand::UseCase {
            subscriber_id: sub(id),
            what,
        };
        self.run(command).await;
    }

    fn provision(&self) -> UseCase {
        UseCase::Provision {
            plan_id: self.plan.id,
            choices: Choices::default(),
        }
    }

    async fn ask(&self, question: IspQuestion) {
        let request = IspAsk {
            space: self.space,
            question,
        };
        self.access.isp_ask(&context(), request).await.unwrap();
    }

    async fn cost(&self, operation: impl Future) -> (u64, u64) {
        self.line.reset_counts();
        operation.await;
        (self.line.reads(), self.line.count(Op::Commit))
    }

    /// Reads and commits of each operation, with subscribers of these names.
    async fn costs(&self, stem: &str) -> BTreeMap<&'static str, (u64, u64)> {
        let (one, two) = (format!("{stem}-1"), format!("{stem}-2"));
        let mut costs = BTreeMap::new();
        costs.insert("make a subscriber", self.cost(self.make(&one)).await);
        costs.insert(
            "provision",
            self.cost(self.use_case(&one, self.provision())).await,
        );
        costs.insert(
            "provision again",
            self.cost(self.use_case(&one, self.provision())).await,
        );
        let reserve = |wanted| {
            self.run(IspCommand::Reserve {
                wanted: vec![wanted],
                force: false,
            })
        };
        costs.insert(
            "reserve the next",
            self.cost(reserve(next_of(self.v4.id, &two))).await,
        );
        let release = IspCommand::ReleaseHeld {
            subscriber_id: sub(&two),
            ip_types: Vec::new(),
            reason: None,
        };
        costs.insert("release", self.cost(self.run(release)).await);
        let get = IspGet {
            space: self.space,
            keys: vec![EntityKey::Subscriber(sub(&one))],
        };
        let read = async {
            self.access.isp_get(&context(), get).await.unwrap();
            self.ask(IspQuestion::Holdings(vec![sub(&one)])).await;
        };
        costs.insert("read a subscriber", self.cost(read).await);
        costs.insert(
            "figures of all pools",
            self.cost(self.ask(IspQuestion::AllFigures)).await,
        );
        // What a document of GraphQL asks for together: 50 cost as many reads as one.
        for (name, count) in [("one thing by its key", 1), ("50 things by their keys", 50)] {
            let keys = (0..count).map(|number| EntityKey::Subscriber(sub(&format!("before-{number}"))));
            let get = IspGet {
                space: self.space,
                keys: keys.collect(),
            };
            costs.insert(name, self.cost(self.access.isp_get(&context(), get)).await);
        }
        let holdings = (0..50).map(|number| sub(&format!("before-{number}"))).collect();
        costs.insert(
            "what 50 subscribers hold",
            self.cost(self.ask(IspQuestion::Holdings(holdings))).await,
        );
        let terminate = UseCase::Terminate { reason: None };
        costs.insert("terminate", self.cost(self.use_case(&one, terminate)).await);
        costs
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn round_trips_of_the_providers_side_do_not_grow_with_its_subscribers() {
    let (small, large) = (
        Far::with(60).await.costs("now").await,
        Far::with(400).await.costs("now").await,
    );
    assert_eq!(small, large);
    let expected = BTreeMap::from([
        ("50 things by their keys", (3, 0)),
        ("figures of all pools", (4, 0)),
        ("make a subscriber", (5, 1)),
        ("one thing by its key", (3, 0)),
        ("provision", (15, 1)),
        ("provision again", (16, 0)),
        ("read a subscriber", (8, 0)),
        ("release", (4, 1)),
        ("reserve the next", (5, 1)),
        ("terminate", (8, 1)),
        ("what 50 subscribers hold", (5, 0)),
    ]);
    assert_eq!(
        small, expected,
        "reads and commits; docs/performance.md has the table"
    );
}
