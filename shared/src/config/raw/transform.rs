//! How requests and answers are reshaped: `transform` of a route, and the sections of `transformations`.

use crate::config::decode::{
    AnyJson, Decode, Field, List, Map, OneOf, Section, Slot, Text, fill_section, plain, sections,
};
use crate::config::report::Report;
use crate::config::tree::{Node, Place};
use crate::transform::OnUnparsable;

sections! {
    /// How requests and answers are reshaped, for some paths.
    Transformation {
        /// The paths it holds for, patterns allowed.
        (required) path: Text,
        ..rules: Transform,
    }

    /// How requests and answers are reshaped.
    Transform {
        /// What happens to the request on its way to the upstream.
        request: Box<TransformRequest>,
        /// What happens to the answer.
        response: Box<TransformResponse>,
    }

    /// What happens to the request on its way to the upstream. Texts take {placeholders}, all filled from the request as
    /// the client sent it.
    TransformRequest {
        /// The path that goes upstream, in place of the client's.
        path: Text,
        /// Which parameters of the query go upstream.
        query: QueryChanges,
        /// Which headers go upstream.
        headers: HeaderChanges,
        /// What happens to a JSON body.
        body: Box<BodyChanges>,
        /// A body that says it is JSON and is not: refuse (default, 400) or pass.
        on_unparsable: OneOf<OnUnparsable>,
    }

    /// What happens to the answer. Texts take {placeholders}, filled from the request as the client sent it.
    TransformResponse {
        /// Which headers the client gets.
        headers: HeaderChanges,
        /// What happens to a JSON body. Its remove_fields, keep_fields and rename_fields may also stand beside it.
        body: Box<BodyChanges>,
        /// A body that says it is JSON and is not: refuse (default, 502) or pass.
        on_unparsable: OneOf<OnUnparsable>,
        ..fields: Fields,
    }

    /// Changes of a JSON body: unwrap, then remove, keep and rename, then set, then wrap.
    BodyChanges {
        /// The member that takes the place of the whole body, where it is there.
        unwrap: Text,
        /// Members and the values that they have from now on.
        set: Map<AnyJson>,
        /// The name under which the body goes.
        wrap: Text,
        ..fields: Fields,
    }

    /// Which members of a JSON body are left, and how they are called: remove, keep, rename, in this order on the
    /// original names.
    Fields {
        /// Field paths that are taken out.
        remove_fields: List<Text>,
        /// Field paths beside which nothing stays.
        keep_fields: List<Text>,
        /// Field paths and their last name anew.
        rename_fields: Map<Text>,
    }

    /// Changes of headers: remove, rename, set, add, in this order.
    HeaderChanges {
        /// Names that are taken out.
        remove: List<Text>,
        /// Names and what they are called from now on.
        rename: Map<Text>,
        /// Names and the one value that they have from now on.
        set: Map<Text>,
        /// Names and a value that they have more.
        add: Map<Text>,
    }

    /// Changes of a query: allow, remove, set, in this order. What they do not touch stays byte for byte.
    QueryChanges {
        /// Parameters beside which nothing stays.
        allow: List<Text>,
        /// Parameters that are taken out.
        remove: List<Text>,
        /// Parameters and the one value that they have from now on.
        set: Map<Text>,
    }
}
