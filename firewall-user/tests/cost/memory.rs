//! The memory that a program sees.

/// Some bytes that a program may read, and write.
#[derive(Debug)]
struct Region {
    base: u64,
    bytes: Vec<u8>,
}

/// All of it: regions that don't overlap, each at a place of its own.
#[derive(Debug, Default)]
pub struct Memory(Vec<Region>);

impl Memory {
    /// Adds a region.
    pub fn add(&mut self, base: u64, bytes: Vec<u8>) {
        self.0.push(Region { base, bytes });
    }

    /// The bytes there.
    pub fn at(&mut self, address: u64, size: usize) -> &mut [u8] {
        self.0
            .iter_mut()
            .find_map(|Region { base, bytes }| {
                let offset = usize::try_from(address.checked_sub(*base)?).ok()?;
                bytes.get_mut(offset..offset.checked_add(size)?)
            })
            .unwrap_or_else(|| panic!("the program reads or writes {size} bytes at {address:#x}"))
    }

    /// A number of that many bytes.
    pub fn load(&mut self, address: u64, size: usize) -> u64 {
        let mut number = [0; 8];
        number[..size].copy_from_slice(self.at(address, size));
        u64::from_le_bytes(number)
    }

    /// Writes a number of that many bytes.
    pub fn store(&mut self, address: u64, size: usize, number: u64) {
        self.at(address, size).copy_from_slice(&number.to_le_bytes()[..size]);
    }
}
