//! Free space and the stored form of what is taken, against looking at every address.

mod changes;
mod edges;
mod model;
mod occupancy;
mod searches;
