//! Listings of a table, page by page.

use tollgate::store::dynamodb::{AdminError, Page};

use crate::exit::note;

/// All records of a listing, whose pages `list` has: each begins after the name that the one before ended with. Of a record
/// that cannot be read there is a note; `what` is its kind.
pub(crate) async fn all<T>(
    what: &str,
    list: impl AsyncFn(Option<String>) -> Result<Page<T>, AdminError>,
) -> Result<Vec<T>, AdminError> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = list(after).await?;
        found.extend(page.records);
        for name in page.unreadable {
            note(&format!(
                "the item of {what} {name:?} cannot be read, so it is not listed"
            ));
        }
        after = page.next;
        if after.is_none() {
            return Ok(found);
        }
    }
}
