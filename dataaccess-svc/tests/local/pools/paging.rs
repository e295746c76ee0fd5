//! Pages of reservations and of what is wrong: small ones say what one large one says, and a cursor that nobody gave out is
//! refused.

use super::*;

fn had(id: &str) -> IspListing {
    IspListing::Reservations(ReservationFilter {
        subscriber_id: Some(sub(id)),
        ..ReservationFilter::default()
    })
}

impl Ground {
    async fn page(
        &self,
        list: &IspListing,
        limit: usize,
        after: Option<String>,
    ) -> Result<Listed<Kept<Entity>>, ApiError> {
        let request = IspList {
            space: self.space,
            list: list.clone(),
            page: PageRequest { limit, after },
        };
        self.access.isp_list(&context(), request).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_had_comes_in_pages_of_what_was_asked_for_and_all_of_it() {
    let ground = ground().await;
    let pool = Pool {
        rest_days: 0,
        ..pool(PoolType::Ipv4Public, "203.0.113.0/24")
    };
    ground.make(&pool).await;
    let mut newest_first = Vec::new();
    for number in 0..9 {
        let made = ground
            .reserve(chosen(&format!("203.0.113.{}", 9 - number), "ada"))
            .await
            .unwrap();
        ground.move_to(made.id, Move::Release).await.unwrap();
        newest_first.insert(0, made.id);
    }
    let released = IspListing::Reservations(ReservationFilter {
        subscriber_id: Some(sub("ada")),
        statuses: vec![ReservationStatus::Assigned],
        ..ReservationFilter::default()
    });
    for limit in [1, 2, 3, 8, 9, 10, 100] {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = ground.page(&had("ada"), limit, after).await.unwrap();
            assert!(page.items.len() <= limit, "{} of {limit}", page.items.len());
            found.extend(page.items.into_iter().map(|kept| match kept.value {
                Entity::Reservation(found) => found.id,
                other => panic!("{other:?}"),
            }));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(found, newest_first, "in pages of {limit}");
        let none = ground.page(&released, limit, None).await.unwrap();
        assert_eq!((none.items.len(), none.next), (0, None));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_cursor_as_long_as_a_key_can_be_is_refused() {
    let ground = ground().await;
    let searched = |text: &str| SubscriberFilter {
        search: Some(text.to_owned()),
        ..SubscriberFilter::default()
    };
    let lists = [
        (IspListing::Reservations(ReservationFilter::default()), "ar_"),
        (had("ada"), "as_ada_2"),
        (IspListing::Subscribers(SubscriberFilter::default()), "au_"),
        (IspListing::Subscribers(searched("a")), "au_a"),
        (IspListing::Subscribers(searched("a")), "ai_u_a"),
        (IspListing::Profiles, "af_"),
        (IspListing::VlanPools { domain: None }, "av_"),
        (IspListing::VlanBindings(VlanFilter::default()), "ay_"),
        (IspListing::Templates, "am_"),
        (
            IspListing::Alerts {
                states: Vec::new(),
                pool_id: None,
            },
            "al_",
        ),
        (IspListing::Outbox { state: None }, "ao_"),
    ];
    for (list, stem) in lists {
        for length in [511, 512, 513, 2_000] {
            let forged = format!("{stem}{}", "a".repeat(length - stem.len()));
            let outcome = ground.page(&list, 10, Some(forged)).await;
            // One that could be a row's is behind all rows.
            let fits = length < 512;
            assert_eq!(outcome.is_ok(), fits, "{stem} {length}");
            if !fits {
                assert_eq!(code(outcome), ErrorCode::InvalidCursor, "{stem} {length}");
            }
        }
    }
    for forged in [
        format!("aa_{}", "a".repeat(509)),
        "aa_".to_owned(),
        "x".repeat(900),
    ] {
        let request = IspAsk {
            space: ground.space,
            question: IspQuestion::Standing(PageRequest {
                limit: 10,
                after: Some(forged),
            }),
        };
        let outcome = ground.access.isp_ask(&context(), request).await;
        assert_eq!(code(outcome), ErrorCode::InvalidCursor);
    }
}
