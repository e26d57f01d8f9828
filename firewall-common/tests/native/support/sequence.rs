//! The form in which `judge_frames` reads frames.

/// Frames in that form.
pub(crate) fn sequence(policies: u8, frames: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut input = vec![policies];
    for frame in frames {
        input.extend((frame.len() as u16).to_be_bytes());
        input.extend(frame);
    }
    input
}
