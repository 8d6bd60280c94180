//! The executor: one thread, virtual time, tasks that belong to nodes.
//!
//! ```text
//!   ready (FIFO, or a seeded draw) ──poll──▶ task ──registers──▶ pipes, timers
//!        ▲                                                          │
//!        └──────────── wake ◀── timer wheel, in order (time, seq) ◀─┘
//! ```
//!
//! Time stands still while anything is ready and then jumps to the next timer. Nodes that do
//! nothing cost nothing. A task that is polled [`TASK_POLLS_MAX`] times at one instant is a bug
//! that would otherwise hang the run: it is reported by name.

use core::cell::{Cell, RefCell};
use core::future::Future;
use core::pin::Pin;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Context, Waker};
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Wake;

use engine::entropy::Entropy;
use engine::time::Instant;

use crate::net::NetEvent;
use crate::world::{self, NodeId, Role};

pub(crate) mod wheel;

use wheel::{TimerKey, Wheel};

/// Polls of one task at one instant. A loopback copy moves a window (256 KiB) per poll, so this
/// allows 25 GB through one connection before it cries wolf.
pub const TASK_POLLS_MAX: u32 = 100_000;

/// Polls of all tasks together at one instant: tasks that spawn tasks without end.
pub const INSTANT_POLLS_MAX: u64 = 50_000_000;

/// What the wheel holds.
pub(crate) enum Event {
    Wake(Waker),
    Net(NetEvent),
}

/// Time does not advance any more.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the simulation is stuck at {at:?}: task `{task}` of {node} was polled {polls} times without \
     time passing"
)]
pub struct Livelock {
    pub at: Instant,
    pub node: String,
    pub task: &'static str,
    pub polls: u64,
}

/// The scheduler of one world. All fields are cells: a task that is being polled wakes, spawns and
/// sets timers while the run loop is on the stack.
pub(crate) struct Exec {
    world: u64,
    now: Cell<Instant>,
    ready: RefCell<VecDeque<TaskId>>,
    tasks: RefCell<Tasks>,
    timers: RefCell<Wheel<Event>>,
    current: Cell<Option<(NodeId, Role)>>,
    shuffle: RefCell<Option<Entropy>>,
    polls_now: Cell<u64>,
    polls: Cell<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct TaskId {
    index: u32,
    generation: u32,
}

#[derive(Default)]
struct Tasks {
    slots: Vec<Slot>,
    free: Vec<u32>,
    live: usize,
}

#[derive(Default)]
struct Slot {
    generation: u32,
    task: Option<Task>,
}

type BoxFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

struct Task {
    /// `None` while it is being polled.
    future: Option<BoxFuture>,
    waker: Waker,
    handle: Arc<TaskWaker>,
    node: NodeId,
    role: Role,
    name: &'static str,
    polled_at: Instant,
    polls: u32,
}

/// One allocation per task; waking sets a flag and pushes an id.
struct TaskWaker {
    world: u64,
    id: TaskId,
    queued: AtomicBool,
}

// === impl Exec ===

impl Exec {
    pub(crate) fn new(world: u64, shuffle: Option<Entropy>) -> Self {
        Self {
            world,
            now: Cell::new(Instant::ZERO),
            ready: RefCell::default(),
            tasks: RefCell::default(),
            timers: RefCell::new(Wheel::new()),
            current: Cell::new(None),
            shuffle: RefCell::new(shuffle),
            polls_now: Cell::new(0),
            polls: Cell::new(0),
        }
    }

    pub(crate) fn now(&self) -> Instant {
        self.now.get()
    }

    /// The node whose task is running, if one is.
    pub(crate) fn current(&self) -> Option<(NodeId, Role)> {
        self.current.get()
    }

    pub(crate) fn live_tasks(&self) -> usize {
        self.tasks.borrow().live
    }

    pub(crate) fn live_timers(&self) -> usize {
        self.timers.borrow().len()
    }

    pub(crate) fn polls(&self) -> u64 {
        self.polls.get()
    }

    pub(crate) fn timer(&self, at: Instant, event: Event) -> TimerKey {
        self.timers.borrow_mut().insert(at, event)
    }

    pub(crate) fn cancel(&self, key: TimerKey) {
        let event = self.timers.borrow_mut().cancel(key);
        drop(event);
    }

    /// Makes a timer wake somebody else; false when it has fired.
    pub(crate) fn rewake(&self, key: TimerKey, waker: &Waker) -> bool {
        match self.timers.borrow_mut().get_mut(key) {
            Some(Event::Wake(old)) => {
                if !old.will_wake(waker) {
                    old.clone_from(waker);
                }
                true
            }
            Some(Event::Net(_)) | None => false,
        }
    }

    pub(crate) fn spawn<F>(&self, node: NodeId, role: Role, future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let future: BoxFuture = Box::pin(future);
        let mut tasks = self.tasks.borrow_mut();
        tasks.live += 1;
        let index = tasks.free.pop().unwrap_or_else(|| {
            tasks.slots.push(Slot::default());
            (tasks.slots.len() - 1) as u32
        });
        let slot = &mut tasks.slots[index as usize];
        let id = TaskId {
            index,
            generation: slot.generation,
        };
        let handle = Arc::new(TaskWaker {
            world: self.world,
            id,
            queued: AtomicBool::new(true),
        });
        slot.task = Some(Task {
            future: Some(future),
            waker: Waker::from(Arc::clone(&handle)),
            handle,
            node,
            role,
            name: core::any::type_name::<F>(),
            polled_at: Instant::ZERO,
            polls: 0,
        });
        drop(tasks);
        self.ready.borrow_mut().push_back(id);
    }

    /// Drops the tasks of a node: all, or those of one role.
    pub(crate) fn kill(&self, node: NodeId, role: Option<Role>) {
        let mut dead = Vec::new();
        let mut tasks = self.tasks.borrow_mut();
        let Tasks { slots, free, live } = &mut *tasks;
        for (index, slot) in slots.iter_mut().enumerate() {
            let matches = |t: &Task| t.node == node && role.is_none_or(|r| r == t.role);
            if slot.task.as_ref().is_some_and(matches) {
                slot.generation = slot.generation.wrapping_add(1);
                dead.push(slot.task.take());
                free.push(index as u32);
                *live -= 1;
            }
        }
        drop(tasks);
        // Outside the borrow: what a future owns may close connections and cancel timers.
        drop(dead);
    }

    /// Drops every task and timer.
    pub(crate) fn clear(&self) {
        let tasks = self.tasks.take();
        drop(tasks);
        self.ready.borrow_mut().clear();
        let timers = self.timers.replace(Wheel::new());
        drop(timers);
    }

    /// Puts the tasks of a node that are marked as queued, but are not in the queue, back into it.
    pub(crate) fn resume(&self, deferred: Vec<DeferredTask>) {
        self.ready.borrow_mut().extend(deferred.iter().map(|d| d.0));
    }

    /// Runs everything that happens up to and including `limit`.
    pub(crate) fn run_until(
        &self,
        limit: Instant,
        mut on_net: impl FnMut(NetEvent),
    ) -> Result<(), Livelock> {
        loop {
            while let Some(id) = self.next_ready() {
                self.poll(id)?;
            }
            let next = self.timers.borrow_mut().pop(limit);
            let Some((at, event)) = next else {
                self.advance(limit);
                return Ok(());
            };
            self.advance(at);
            match event {
                Event::Wake(waker) => waker.wake(),
                Event::Net(event) => on_net(event),
            }
        }
    }

    fn advance(&self, to: Instant) {
        if to > self.now.get() {
            self.now.set(to);
            self.polls_now.set(0);
        }
    }

    fn next_ready(&self) -> Option<TaskId> {
        let mut ready = self.ready.borrow_mut();
        match &mut *self.shuffle.borrow_mut() {
            Some(rng) if ready.len() > 1 => {
                let index = rng.index(ready.len());
                ready.swap_remove_back(index)
            }
            _ => ready.pop_front(),
        }
    }

    fn poll(&self, id: TaskId) -> Result<(), Livelock> {
        let mut tasks = self.tasks.borrow_mut();
        let Some(slot) = tasks.slots.get_mut(id.index as usize) else {
            return Ok(());
        };
        let Some(task) = slot
            .task
            .as_mut()
            .filter(|_| slot.generation == id.generation)
        else {
            return Ok(());
        };
        if world::defer_if_paused(task.node, DeferredTask(id)) {
            return Ok(());
        }
        self.count(task)?;
        let Some(mut future) = task.future.take() else {
            return Ok(());
        };
        task.handle.queued.store(false, Ordering::Relaxed);
        let waker = task.waker.clone();
        self.current.set(Some((task.node, task.role)));
        drop(tasks);

        let done = future
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_ready();
        self.current.set(None);

        let mut tasks = self.tasks.borrow_mut();
        let Tasks { slots, free, live } = &mut *tasks;
        let slot = &mut slots[id.index as usize];
        let mut finished = None;
        // A task that crashed its own node is gone from its slot: its future ends here.
        if slot.generation == id.generation {
            if done {
                finished = slot.task.take();
                slot.generation = slot.generation.wrapping_add(1);
                free.push(id.index);
                *live -= 1;
            } else if let Some(task) = &mut slot.task {
                task.future = Some(future);
                return Ok(());
            }
        }
        drop(tasks);
        drop(finished);
        drop(future);
        Ok(())
    }

    fn count(&self, task: &mut Task) -> Result<(), Livelock> {
        let now = self.now.get();
        self.polls.set(self.polls.get() + 1);
        let all = self.polls_now.get() + 1;
        self.polls_now.set(all);
        if task.polled_at != now {
            task.polled_at = now;
            task.polls = 0;
        }
        task.polls += 1;
        if task.polls <= TASK_POLLS_MAX && all <= INSTANT_POLLS_MAX {
            return Ok(());
        }
        Err(Livelock {
            at: now,
            node: world::node_name(task.node),
            task: task.name,
            polls: u64::from(task.polls),
        })
    }
}

/// A ready task of a paused node.
#[derive(Debug)]
pub(crate) struct DeferredTask(TaskId);

// === impl TaskWaker ===

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // All wakes of a world happen on its thread, so load and store need not be one step.
        if self.queued.load(Ordering::Relaxed) {
            return;
        }
        self.queued.store(true, Ordering::Relaxed);
        world::with(self.world, |shared| {
            shared.exec.ready.borrow_mut().push_back(self.id);
        });
    }
}
