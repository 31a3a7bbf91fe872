//! Points in time as access logs and people write them, UTC.

use tollgate::clock::{Civil, Timestamp};

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// `12/Mar/2020:19:03:58 +0000`: an event's `requestContext.time` (the common log format).
pub(crate) fn access_log(at: Timestamp) -> String {
    let at = at.civil();
    format!("{:02}/{}/{}:{} +0000", at.day, month(&at), at.year, time(&at))
}

/// `May 28 12:30:02 2019 GMT`: a certificate's dates as OpenSSL, and so API Gateway, writes them.
pub(crate) fn openssl(at: Timestamp) -> String {
    let at = at.civil();
    format!("{} {:2} {} {} GMT", month(&at), at.day, time(&at), at.year)
}

/// `2019-05-28T12:30:02Z` (ISO 8601).
pub(crate) fn iso_8601(at: Timestamp) -> String {
    let at = at.civil();
    format!("{:04}-{:02}-{:02}T{}Z", at.year, at.month, at.day, time(&at))
}

fn month(at: &Civil) -> &'static str {
    MONTHS[at.month - 1]
}

fn time(at: &Civil) -> String {
    format!("{:02}:{:02}:{:02}", at.hour, at.minute, at.second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_certificates() {
        // As AWS's guides show them.
        assert_eq!(openssl(Timestamp::from_secs(1_559_046_602)), "May 28 12:30:02 2019 GMT");
        assert_eq!(openssl(Timestamp::from_secs(1_628_156_164)), "Aug  5 09:36:04 2021 GMT");
        assert_eq!(iso_8601(Timestamp::from_secs(1_695_261_017)), "2023-09-21T01:50:17Z");
    }

    #[test]
    fn known_moments() {
        for (second, expected) in [
            (0, "01/Jan/1970:00:00:00 +0000"),
            (951_782_400, "29/Feb/2000:00:00:00 +0000"),
            (951_868_799, "29/Feb/2000:23:59:59 +0000"),
            (1_583_348_638, "04/Mar/2020:19:03:58 +0000"),
            (1_735_689_599, "31/Dec/2024:23:59:59 +0000"),
            (4_107_542_400, "01/Mar/2100:00:00:00 +0000"),
        ] {
            assert_eq!(access_log(Timestamp::from_secs(second)), expected);
        }
        assert_eq!(
            iso_8601(Timestamp::from_millis(1_583_348_638_999)),
            "2020-03-04T19:03:58Z"
        );
    }
}
