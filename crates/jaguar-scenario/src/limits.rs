//! Bounds on what a scenario may ask for, so that a wrong number is an error and not an exhausted machine.

/// Largest scenario file, bytes. A scenario is written by hand; bulk goes into grids and CSV files.
pub const MAX_SCENARIO_BYTES: u64 = 4 << 20;

/// Largest grid file, bytes: the posts below at 16 bytes each.
pub const MAX_GRID_BYTES: u64 = (MAX_GRID_POSTS as u64) * 16;

/// Most posts of a grid. A definition goes to every pod in one piece, 4 bytes a post.
pub const MAX_GRID_POSTS: usize = 1 << 26;

/// Largest mesh file, bytes: the triangles below at 256 bytes each, as much as one takes in an STL file of text.
pub const MAX_MESH_BYTES: u64 = (MAX_MESH_TRIANGLES as u64) * 256;

/// Most triangles of a mesh. A definition goes to every pod in one piece, some 24 bytes a triangle.
pub const MAX_MESH_TRIANGLES: usize = 1 << 22;

/// Largest CSV file, bytes: the bodies below at 256 bytes each.
pub const MAX_CSV_BYTES: u64 = (MAX_BODIES as u64) * 256;

/// Most bodies that exist from the first tick on, and most that one spawner adds in one tick.
pub const MAX_BODIES: usize = 10_000_000;

/// Bad rows of a CSV file that are reported before reading stops.
pub const MAX_BAD_ROWS: usize = 20;
