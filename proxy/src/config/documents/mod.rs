//! What is written from the catalogue: a JSON Schema, a page of reference, and an annotated example.

mod example;
mod reference;
mod schema;

pub(crate) use example::example;
pub(crate) use reference::reference;
pub(crate) use schema::schema;
