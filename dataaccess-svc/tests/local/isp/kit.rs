//! A space with things of the provider's side in it, and short ways to ask for more.

use std::collections::BTreeMap;
use std::sync::Arc;

use cadastre_api_types::ApiError;
use cadastre_api_types::internal::*;
use cadastre_dataaccess::LocalDataAccess;
use cadastre_domain::isp::*;
use cadastre_storage::{MemoryStore, PartitionKey, Row, RowKey, Store, Write};
use uuid::Uuid;

use crate::support::*;

/// A space.
pub(crate) struct Isp {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) access: Arc<LocalDataAccess>,
    pub(crate) space: Uuid,
}

impl Isp {
    pub(crate) async fn new() -> Self {
        Self::on(Arc::new(MemoryStore::new())).await
    }

    pub(crate) async fn on(store: Arc<dyn Store>) -> Self {
        let access = open(Arc::clone(&store)).await;
        let space = new_space(access.as_ref(), "isp").await;
        Self { store, access, space }
    }

    pub(crate) async fn send(
        &self,
        command: IspCommand,
        options: MutationOptions,
    ) -> Result<CommandOutcome, ApiError> {
        let request = SpaceCommandRequest {
            space: self.space,
            command: SpaceCommand::Isp(Box::new(command)),
            options,
        };
        self.access.space_command(&context(), request).await
    }

    /// A command, and what it answers with.
    pub(crate) async fn try_run(&self, command: IspCommand) -> Result<Vec<Kept<Entity>>, ApiError> {
        match self.send(command, MutationOptions::default()).await? {
            CommandOutcome::Committed { things, .. } => Ok(things),
            other => panic!("{other:?}"),
        }
    }

    /// A command that is not refused: its subject.
    pub(crate) async fn run(&self, command: IspCommand) -> Kept<Entity> {
        self.try_run(command).await.unwrap().remove(0)
    }

    /// A command that is refused and changes nothing.
    pub(crate) async fn refused(&self, command: IspCommand) -> ApiError {
        self.refused_if(command, None).await
    }

    /// The same, with an `If-Match`.
    pub(crate) async fn refused_if(&self, command: IspCommand, if_match: Option<u64>) -> ApiError {
        let before = self.dump("").await;
        let options = MutationOptions {
            if_match: if_match.map(|revision| IfMatch::Revisions(vec![revision])),
            ..Default::default()
        };
        let error = self.send(command, options).await.unwrap_err();
        assert_eq!(self.dump("").await, before, "a refusal changed something");
        error
    }

    /// A command that finds everything as it should be: what it answers with.
    pub(crate) async fn unchanged(&self, command: IspCommand) -> Kept<Entity> {
        let before = self.dump("").await;
        let thing = self.run(command).await;
        assert_eq!(self.dump("").await, before, "something was written");
        thing
    }

    pub(crate) async fn get(&self, key: EntityKey) -> Option<Kept<Entity>> {
        let request = IspGet {
            space: self.space,
            keys: vec![key],
        };
        self.access.isp_get(&context(), request).await.unwrap().remove(0)
    }

    /// All pages of a list.
    pub(crate) async fn list(&self, list: IspListing, limit: usize) -> Vec<Entity> {
        let mut items = Vec::new();
        let mut after = None;
        loop {
            let page = self.page(list.clone(), limit, after).await.unwrap();
            assert!(page.items.len() <= limit);
            items.extend(page.items.into_iter().map(|kept| kept.value));
            match page.next {
                Some(next) => after = Some(next),
                None => return items,
            }
        }
    }

    pub(crate) async fn page(
        &self,
        list: IspListing,
        limit: usize,
        after: Option<String>,
    ) -> Result<Listed<Kept<Entity>>, ApiError> {
        let request = IspList {
            space: self.space,
            list,
            page: PageRequest { limit, after },
        };
        self.access.isp_list(&context(), request).await
    }

    /// Rows whose keys begin like this.
    pub(crate) async fn dump(&self, stem: &str) -> Vec<Row> {
        rows(self.store.as_ref(), &self.space.to_string(), stem).await
    }

    /// A row that a part of the program would write which this test is not about.
    pub(crate) async fn plant(&self, key: &str, value: String) {
        let partition = PartitionKey::new(self.space.to_string()).unwrap();
        let write = Write::Put {
            key: RowKey::new(key).unwrap(),
            value: value.into(),
        };
        self.store.commit(&partition, vec![write]).await.unwrap();
    }

    /// A thing as some use case would leave it: its only row, rewritten.
    pub(crate) async fn rewrite(&self, key: &str, change: impl FnOnce(String) -> String) {
        let row = self.dump(key).await.remove(0);
        self.plant(key, change(String::from_utf8(row.value.to_vec()).unwrap()))
            .await;
    }

    /// Puts a subscriber into a status, and gives it a plan.
    pub(crate) async fn place(&self, id: &str, status: SubscriberStatus, plan: Option<Uuid>) {
        let plan = plan
            .map(|plan| format!("\"planId\":\"{plan}\","))
            .unwrap_or_default();
        self.rewrite(&format!("au_{id}"), |row| {
            let row = row.replace(
                "\"status\":\"PENDING\"",
                &format!("{plan}\"status\":\"{status}\""),
            );
            assert!(row.contains(&format!("\"status\":\"{status}\"")));
            row
        })
        .await;
    }

    pub(crate) async fn subscriber(&self, id: &str) -> Kept<Entity> {
        self.run(create_subscriber(subscriber(id))).await
    }

    pub(crate) async fn vlan_pool(&self, pool: &VlanPool) {
        self.run(create_thing(Thing::VlanPool(pool.clone()))).await;
    }

    pub(crate) async fn vlan(
        &self,
        pool: Uuid,
        holder: &VlanHolder,
        tag: Option<VlanTag>,
    ) -> Result<VlanBinding, ApiError> {
        Ok(binding_of(
            self.try_run(allocate_vlan(pool, holder, tag)).await?.remove(0),
        ))
    }
}

pub(crate) fn sub(id: &str) -> SubscriberId {
    SubscriberId::new(id).unwrap()
}

pub(crate) fn subscriber(id: &str) -> Subscriber {
    Subscriber {
        id: sub(id),
        subscriber_number: None,
        customer_id: None,
        user_id: None,
        username: None,
        has_password: false,
        status: SubscriberStatus::Pending,
        service_type: ServiceType::Residential,
        plan_id: None,
        bandwidth_profile_id: None,
        connection_type: None,
        site_id: None,
        access_node: None,
        service_address: None,
        onu_serial: None,
        cpe_mac_address: None,
        tags: BTreeMap::new(),
        netbox_ip_id: None,
        voltha_onu_id: None,
        genieacs_device_id: None,
        notes: String::new(),
        activated_at: None,
        suspended_at: None,
        terminated_at: None,
    }
}

/// With a user name and a number.
pub(crate) fn named(id: &str, username: &str, number: &str) -> Subscriber {
    Subscriber {
        username: Some(username.to_owned()),
        subscriber_number: Some(number.to_owned()),
        ..subscriber(id)
    }
}

pub(crate) fn create_subscriber(subscriber: Subscriber) -> IspCommand {
    IspCommand::CreateSubscriber {
        subscriber: Box::new(subscriber),
        secret: None,
    }
}

pub(crate) fn update_subscriber(subscriber: Subscriber) -> IspCommand {
    IspCommand::UpdateSubscriber {
        subscriber: Box::new(subscriber),
        secret: None,
    }
}

pub(crate) fn delete_subscriber(id: &str) -> IspCommand {
    IspCommand::DeleteSubscriber { id: sub(id) }
}

pub(crate) fn put_profile(profile: NetworkProfile) -> IspCommand {
    IspCommand::PutProfile {
        profile: Box::new(profile),
    }
}

pub(crate) fn create_thing(thing: Thing) -> IspCommand {
    IspCommand::CreateThing {
        thing: Box::new(thing),
        secret: None,
    }
}

pub(crate) fn update_thing(thing: Thing) -> IspCommand {
    IspCommand::UpdateThing {
        thing: Box::new(thing),
        secret: None,
    }
}

pub(crate) fn sealed(text: &str) -> SealedSecret {
    SealedSecret {
        key_id: "k1".to_owned(),
        sealed: text.to_owned(),
    }
}

pub(crate) fn plan(name: &str, base: Option<Uuid>) -> Plan {
    Plan {
        id: Uuid::now_v7(),
        name: name.to_owned(),
        description: String::new(),
        base_plan_id: base,
        service_type: None,
        features: Features::default(),
        bandwidth_profile_id: None,
        active: true,
    }
}

pub(crate) fn webhook(name: &str) -> Webhook {
    Webhook {
        id: Uuid::now_v7(),
        name: name.to_owned(),
        url: "https://example.org/hook".to_owned(),
        events: Vec::new(),
        has_secret: false,
        active: true,
    }
}

pub(crate) fn vlan_id(id: u16) -> VlanId {
    VlanId::new(id).unwrap()
}

pub(crate) fn range(first: u16, last: u16) -> VlanRange {
    VlanRange {
        first: vlan_id(first),
        last: vlan_id(last),
    }
}

pub(crate) fn vlan_pool(name: &str, outer: (u16, u16), inner: Option<(u16, u16)>) -> VlanPool {
    VlanPool {
        id: Uuid::now_v7(),
        name: name.to_owned(),
        description: String::new(),
        domain: "olt-1".to_owned(),
        outer: range(outer.0, outer.1),
        inner: inner.map(|(first, last)| range(first, last)),
    }
}

pub(crate) fn tag(outer: u16, inner: Option<u16>) -> VlanTag {
    VlanTag {
        outer: vlan_id(outer),
        inner: inner.map(vlan_id),
    }
}

pub(crate) fn port(name: &str) -> VlanHolder {
    VlanHolder::Port(name.to_owned())
}

pub(crate) fn allocate_vlan(pool_id: Uuid, holder: &VlanHolder, tag: Option<VlanTag>) -> IspCommand {
    IspCommand::AllocateVlan {
        id: Uuid::now_v7(),
        pool_id,
        holder: holder.clone(),
        tag,
    }
}

pub(crate) fn binding_of(kept: Kept<Entity>) -> VlanBinding {
    match kept.value {
        Entity::VlanBinding(binding) => binding,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn subscriber_of(kept: Kept<Entity>) -> Subscriber {
    match kept.value {
        Entity::Subscriber(subscriber) => subscriber,
        other => panic!("{other:?}"),
    }
}

/// A row's text.
pub(crate) fn text(row: &Row) -> String {
    String::from_utf8_lossy(&row.value).into_owned()
}
