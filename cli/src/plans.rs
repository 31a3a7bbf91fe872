//! `tollgate plans`: makes, lists and takes away plans in the config table.

use serde_json::{Value, json};
use tollgate::clock::{Clock, SystemClock};
use tollgate::limit::PlanRecord;
use tollgate::store::dynamodb::{LARGEST_PAGE, Plans};
use tollgate_admin::plans::PlanView;

use crate::args::{PlansAction, PlansOptions};
use crate::dev::calendar::iso_8601;
use crate::dev::tables;
use crate::exit::{Failure, note, print};
use crate::pages;
use crate::place::Place;

pub(crate) async fn run(options: PlansOptions) -> Result<(), Failure> {
    let place = Place::of(&options.place, options.table, tables::CONFIG, "CONFIG_TABLE").await?;
    let plans = Plans::new(place.client.clone(), &place.table);
    match options.action {
        PlansAction::Set { name, limits } => {
            let set = plans.set(&name, limits.text(), SystemClock.now()).await;
            let plan = set.map_err(|error| place.failure(&error))?;
            note(&format!(
                "plan {:?}, in {place}; gateways that know it follow within 30 seconds",
                plan.name
            ));
            Ok(())
        }
        PlansAction::List { json } => {
            let page = async |after: Option<String>| plans.list(after.as_deref(), LARGEST_PAGE).await;
            let found = pages::all("plan", page).await;
            let found = found.map_err(|error| place.failure(&error))?;
            if found.is_empty() && !json {
                note(&format!("there are no plans in {place}"));
            }
            print(&if json { array(&found) } else { lines(&found) })
        }
        PlansAction::Delete { name } => {
            let deleted = plans.delete(&name).await.map_err(|error| place.failure(&error))?;
            if !deleted {
                return Err(Failure::usage(format!("there is no plan {name:?} in {place}")));
            }
            note(&format!(
                "plan {name:?} is taken away; within 30 seconds gateways refuse whoever has it"
            ));
            Ok(())
        }
    }
}

/// A line each: the name, when it was changed last, and the limits as they were written.
fn lines(plans: &[PlanRecord]) -> String {
    let line = |plan: &PlanRecord| {
        let (name, changed) = (plan.name.escape_debug(), iso_8601(plan.updated_at));
        format!(
            "{name}  {changed}  {}\n",
            plan.limits.text().escape_debug().to_string().replace("\\\"", "\"")
        )
    };
    plans.iter().map(line).collect()
}

fn array(plans: &[PlanRecord]) -> String {
    let object = |plan: &PlanRecord| json!(PlanView::of(plan));
    format!("{:#}\n", plans.iter().map(object).collect::<Value>())
}
