//! An object that was loaded: its program, and its maps.

use std::{
    collections::HashMap,
    os::fd::{AsFd as _, AsRawFd as _},
};

use aya::{
    Pod,
    maps::{Map, MapError},
};

use super::{element, program::Program};

/// Such an object. It's gone when this is dropped, but for what is pinned or attached.
#[derive(Debug)]
pub(super) struct Loaded {
    /// The maps, by the names that the object gives them.
    maps: HashMap<String, Map>,
    pub(super) program: Program,
}

impl Loaded {
    pub(super) const fn new(maps: HashMap<String, Map>, program: Program) -> Self {
        Self { maps, program }
    }

    /// A map.
    ///
    /// # Errors
    /// The object has none of that name.
    pub(super) fn map(&self, name: &str) -> Result<&Map, MapError> {
        self.maps.get(name).ok_or_else(|| MapError::InvalidName { name: name.to_owned() })
    }

    /// The same, to change it.
    ///
    /// # Errors
    /// As above.
    pub(super) fn map_mut(&mut self, name: &str) -> Result<&mut Map, MapError> {
        self.maps.get_mut(name).ok_or_else(|| MapError::InvalidName { name: name.to_owned() })
    }

    /// The same, for good.
    ///
    /// # Errors
    /// As above, or it was taken already.
    pub(super) fn take_map(&mut self, name: &str) -> Result<Map, MapError> {
        self.maps.remove(name).ok_or_else(|| MapError::InvalidName { name: name.to_owned() })
    }

    /// Writes all elements of an array that the program addresses itself.
    ///
    /// # Errors
    /// The object has no array of that name, it has another size, or the kernel refuses.
    pub(super) fn write<T: Pod>(&self, array: &str, elements: &[T]) -> Result<(), MapError> {
        let Map::Array(array) = self.map(array)? else {
            return Err(MapError::InvalidName { name: array.to_owned() });
        };
        let (size, expected) = (size_of_val(elements), array.info()?.value_size() as usize);
        if size != expected {
            return Err(MapError::InvalidValueSize { size, expected });
        }
        // SAFETY: it's as long as the array's value.
        Ok(unsafe { element::update(array.fd().as_fd(), 0, elements.as_ptr()) }?)
    }

    /// Puts a program into an array of programs, as its first one.
    ///
    /// # Errors
    /// The object has no such array of that name, or the kernel refuses.
    pub(super) fn put(&self, array: &str, program: &Program) -> Result<(), MapError> {
        let Map::ProgramArray(array) = self.map(array)? else {
            return Err(MapError::InvalidName { name: array.to_owned() });
        };
        let program = program.fd().as_raw_fd();
        // SAFETY: the values of an array of programs are descriptors.
        Ok(unsafe { element::update(array.fd().as_fd(), 0, &raw const program) }?)
    }
}
