//! Which front door the local runtime plays.

use tollgate::event::EventKind;

use crate::args::{DevOptions, FrontDoor};
use crate::exit::Failure;

/// A front door with what can be set on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// API Gateway HTTP API, payload 2.0.
    Http,
    /// Lambda Function URL.
    Url,
    /// API Gateway REST API: resources `/` and `/{proxy+}`, method `ANY`, Lambda proxy integration.
    Rest,
    /// Application Load Balancer with a Lambda target.
    Alb {
        /// The target group's attribute `lambda.multi_value_headers.enabled`.
        multi_value: bool,
    },
}

impl Door {
    /// The one that was asked for.
    pub(crate) fn of(options: &DevOptions) -> Result<Self, Failure> {
        let multi_value = options.multi_value;
        match options.event {
            FrontDoor::Alb => Ok(Self::Alb { multi_value }),
            _ if multi_value => Err(Failure::usage(
                "--multi-value is a setting of a load balancer's target group; use it with --event alb, or leave it out",
            )),
            FrontDoor::Http => Ok(Self::Http),
            FrontDoor::Url => Ok(Self::Url),
            FrontDoor::Rest => Ok(Self::Rest),
        }
    }

    /// The kind of its events.
    pub(crate) const fn kind(self) -> EventKind {
        match self {
            Self::Http => EventKind::Http,
            Self::Url => EventKind::Url,
            Self::Rest => EventKind::Rest,
            Self::Alb { .. } => EventKind::Alb,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::tests::dev;

    fn door(line: &[&str]) -> Result<Door, Failure> {
        Door::of(&dev(line))
    }

    #[test]
    fn every_kind_has_its_door() {
        for (word, door_of_it) in [
            ("http", Door::Http),
            ("url", Door::Url),
            ("rest", Door::Rest),
            ("alb", Door::Alb { multi_value: false }),
        ] {
            let door = door(&["tollgate", "--event", word]).unwrap();
            assert_eq!(door, door_of_it);
            assert_eq!(door.kind().name(), word);
        }
        assert_eq!(door(&["tollgate"]).unwrap(), Door::Http);
        let multi_value = door(&["tollgate", "--event", "alb", "--multi-value"]).unwrap();
        assert_eq!(multi_value, Door::Alb { multi_value: true });
    }

    #[test]
    fn only_a_load_balancer_has_the_setting() {
        for word in ["http", "url", "rest"] {
            assert!(door(&["tollgate", "--event", word, "--multi-value"]).is_err(), "{word}");
        }
    }
}
