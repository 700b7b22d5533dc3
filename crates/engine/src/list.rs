//! A doubly linked list over slots: the queues of the policies. The front is the old end, the back the young end.

use crate::slots::{NIL, Slots};

#[derive(Clone, Debug)]
pub(crate) struct List {
    front: u32,
    back: u32,
}

impl Default for List {
    fn default() -> List {
        List { front: NIL, back: NIL }
    }
}

impl List {
    pub(crate) fn is_empty(&self) -> bool {
        self.front == NIL
    }

    pub(crate) fn front(&self) -> Option<u32> {
        (self.front != NIL).then_some(self.front)
    }

    pub(crate) fn back(&self) -> Option<u32> {
        (self.back != NIL).then_some(self.back)
    }

    /// Adds a slot that is in no list at the young end.
    #[inline]
    pub(crate) fn push_back(&mut self, slots: &mut Slots, id: u32) {
        slots.set_prev(id, self.back);
        slots.set_next(id, NIL);
        match self.back {
            NIL => self.front = id,
            back => slots.set_next(back, id),
        }
        self.back = id;
    }

    /// Adds a slot that is in no list at the old end.
    pub(crate) fn push_front(&mut self, slots: &mut Slots, id: u32) {
        slots.set_prev(id, NIL);
        slots.set_next(id, self.front);
        match self.front {
            NIL => self.back = id,
            front => slots.set_prev(front, id),
        }
        self.front = id;
    }

    /// Takes a slot out that is in this list.
    #[inline]
    pub(crate) fn remove(&mut self, slots: &mut Slots, id: u32) {
        let (prev, next) = (slots.prev(id), slots.next(id));
        match prev {
            NIL => self.front = next,
            prev => slots.set_next(prev, next),
        }
        match next {
            NIL => self.back = prev,
            next => slots.set_prev(next, prev),
        }
    }

    #[inline]
    pub(crate) fn move_to_back(&mut self, slots: &mut Slots, id: u32) {
        if self.back == id {
            return;
        }
        self.remove(slots, id);
        self.push_back(slots, id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::Cell;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    proptest! {
        #[test]
        fn a_list_agrees_with_a_deque(steps in prop::collection::vec((0..4u8, 0..20u32), 0..300)) {
            let mut slots = Slots::default();
            for _ in 0..20 {
                slots.alloc(Cell::default()).unwrap();
            }
            let (mut list, mut model) = (List::default(), VecDeque::new());
            for (step, id) in steps {
                let at = model.iter().position(|&m| m == id);
                match (step, at) {
                    (0, None) => { list.push_back(&mut slots, id); model.push_back(id) }
                    (1, None) => { list.push_front(&mut slots, id); model.push_front(id) }
                    (2, Some(at)) => { list.remove(&mut slots, id); model.remove(at); }
                    (3, Some(at)) => { list.move_to_back(&mut slots, id); model.remove(at); model.push_back(id) }
                    _ => {}
                }
                prop_assert_eq!((list.front(), list.back()), (model.front().copied(), model.back().copied()));
                prop_assert_eq!(list.is_empty(), model.is_empty());
                let mut at = list.front();
                for expected in &model {
                    prop_assert_eq!(at, Some(*expected));
                    at = at.map(|id| slots.next(id)).filter(|&next| next != NIL);
                }
                prop_assert_eq!(at, None);
            }
        }
    }
}
