//! Reads of the whole world: every member is asked at the same log entry, so that the answer is the world between two ticks and no body is missed or seen twice
//! while it changes pods.

use futures_util::future::try_join_all;
use jaguar_core::BodyId;
use jaguar_migration::id::{LogIndex, PodId, Tick};
use jaguar_migration::record::Member;
use jaguar_proto::v1;
use jaguar_proto::v1::read_local_request::What;
use tokio::time::timeout;
use tonic::{Code, Status, Streaming};

use crate::channel::{Channels, reason};
use crate::convert;
use crate::limits::{READ_ATTEMPTS, READ_WAIT};
use crate::query::{Found, Question};
use crate::security::Security;
use crate::simulation::{ReadError, Simulation, Stage};

/// Reads the whole world from any pod. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Reader {
    simulation: Simulation,
    channels: Channels,
}

/// What all pods held after one entry.
#[derive(Clone, Debug, Default)]
pub struct Cut {
    /// The entry.
    pub index: LogIndex,
    /// The world's tick after it.
    pub tick: Tick,
    /// Ascending by id.
    pub bodies: Vec<v1::Body>,
    /// What came of each ray, in their order.
    pub rays: Vec<v1::RayAnswer>,
}

/// What one member answered.
#[derive(Debug, Default)]
struct Part {
    bodies: Vec<v1::Body>,
    rays: Vec<v1::RayAnswer>,
}

impl Part {
    fn of(found: Found) -> Self {
        Self {
            bodies: found.bodies.iter().map(convert::body).collect(),
            rays: convert::ray_answers(&found.hits),
        }
    }
}

/// Why an attempt failed.
enum Failure {
    /// A later entry may do.
    TryLater(Status),
    /// No entry will do.
    Final(Status),
}

impl Reader {
    /// Reads through this pod.
    pub fn new(simulation: Simulation, security: Security) -> Self {
        Self {
            simulation,
            channels: Channels::new(security),
        }
    }

    /// Reads one body, and says which pod holds it.
    ///
    /// # Errors
    /// `NOT_FOUND` when no pod holds it, and as [`Reader::read`].
    pub async fn body(&self, id: BodyId) -> Result<(v1::Body, Tick, PodId), Status> {
        // A body that is here needs no agreement with anybody.
        let cut = self.simulation.read_now(Question::Body(id)).await?;
        if let Some(body) = cut.found.bodies.first() {
            return Ok((convert::body(body), cut.tick, self.simulation.pod()?));
        }
        let (cut, holders) = self.read_parts(&Question::Body(id)).await?;
        match (cut.bodies.first(), holders.first()) {
            (Some(body), Some(&pod)) => Ok((*body, cut.tick, pod)),
            _ => Err(Status::not_found(format!("id: there is no body {}", id.0))),
        }
    }

    /// Reads the whole world.
    ///
    /// # Errors
    /// `FAILED_PRECONDITION` when the world has halted and a part of it is lost; `UNAVAILABLE` when a pod does not answer in time.
    pub async fn read(&self, question: &Question) -> Result<Cut, Status> {
        Ok(self.read_parts(question).await?.0)
    }

    /// The cut, and the pods that had something to say.
    async fn read_parts(&self, question: &Question) -> Result<(Cut, Vec<PodId>), Status> {
        let mut last = Status::unavailable("no pod was asked");
        for attempt in 0..READ_ATTEMPTS {
            match self.attempt(question, attempt).await {
                Ok(done) => return Ok(done),
                Err(Failure::Final(status)) => return Err(status),
                Err(Failure::TryLater(status)) => last = status,
            }
            if let Stage::Halted(reason) = &*self.simulation.stage().borrow() {
                return Err(Status::failed_precondition(format!(
                    "the world has halted and cannot be read as a whole: {reason} ({})",
                    last.message()
                )));
            }
        }
        Err(Status::unavailable(format!(
            "the world could not be read at one entry in {READ_ATTEMPTS} attempts: {}",
            last.message()
        )))
    }

    async fn attempt(&self, question: &Question, number: u32) -> Result<(Cut, Vec<PodId>), Failure> {
        let final_status = |error: crate::simulation::Unanswered| Failure::Final(error.into());
        let me = self.simulation.pod().map_err(final_status)?;
        let progress = *self.simulation.progress().borrow();
        let index = match *self.simulation.stage().borrow() {
            // A halted world executes nothing more: its members stand where they stand.
            Stage::Halted(_) => progress.index,
            // A fast world may be past what is sealed before the question arrives everywhere; then a later entry is asked for.
            _ if !progress.paused => LogIndex(progress.sealed.0 + u64::from(number)),
            _ => progress.sealed,
        };
        let members = self.simulation.status().await.map_err(final_status)?.status.members;
        if members.iter().all(|member| member.pod == me) {
            return self.alone(question, me).await;
        }
        let others: Vec<&Member> = members.iter().filter(|member| member.pod != me).collect();
        let parts = try_join_all(others.iter().map(|member| self.ask(member, index, question)));
        let own = async {
            match timeout(READ_WAIT, self.simulation.read_at(index, question.clone())).await {
                Ok(Ok(cut)) => Ok(cut),
                Ok(Err(error @ ReadError::Past { .. })) => Err(Failure::TryLater(error.into())),
                Ok(Err(error)) => Err(Failure::Final(error.into())),
                Err(_) => Err(Failure::TryLater(Status::unavailable(format!(
                    "{index} was not executed here within {READ_WAIT:?}"
                )))),
            }
        };
        let (own, parts) = tokio::try_join!(own, parts)?;
        // Whoever became a member between the question and the entry was not asked.
        if let Some(new) = own.members.iter().find(|member| !members.contains(member)) {
            return Err(Failure::TryLater(Status::unavailable(format!(
                "{} has just joined",
                new.pod
            ))));
        }
        self.channels
            .keep_only(|address| members.iter().any(|member| member.address == address));

        let (tick, own_part) = (own.tick, Part::of(own.found));
        let pods = std::iter::once(me).chain(others.iter().map(|member| member.pod));
        let parts: Vec<(PodId, Part)> = pods.zip(std::iter::once(own_part).chain(parts)).collect();
        let holders = parts
            .iter()
            .filter(|(_, part)| !part.bodies.is_empty())
            .map(|&(pod, _)| pod)
            .collect();
        Ok((join(index, tick, parts.into_iter().map(|(_, part)| part)), holders))
    }

    /// The cut of a world of one pod, which needs no agreement.
    async fn alone(&self, question: &Question, me: PodId) -> Result<(Cut, Vec<PodId>), Failure> {
        let own = self
            .simulation
            .read_now(question.clone())
            .await
            .map_err(|error| Failure::Final(error.into()))?;
        if let Some(new) = own.members.iter().find(|member| member.pod != me) {
            return Err(Failure::TryLater(Status::unavailable(format!(
                "{} has just joined",
                new.pod
            ))));
        }
        Ok((
            join(own.index, own.tick, std::iter::once(Part::of(own.found))),
            vec![me],
        ))
    }

    async fn ask(&self, member: &Member, index: LogIndex, question: &Question) -> Result<Part, Failure> {
        let what = match question {
            Question::Body(id) => What::Id(id.0),
            Question::Region(region) => What::Region(convert::region_request(region)),
            Question::Rays(rays) => What::Rays(convert::rays_request(rays)),
        };
        let request = v1::ReadLocalRequest {
            index: index.0,
            what: Some(what),
        };
        let later = |status: Status| {
            let text = format!("{} at {}: {}", member.pod, member.address, status.message());
            match status.code() {
                Code::OutOfRange | Code::Unavailable => Failure::TryLater(Status::unavailable(text)),
                code => Failure::Final(Status::new(code, text)),
            }
        };
        let mut peer = self
            .channels
            .peer(&member.address)
            .map_err(|error| later(Status::unavailable(reason(&error))))?;
        let mut answers: Streaming<v1::ReadLocalResponse> = peer.read_local(request).await.map_err(later)?.into_inner();
        let mut part = Part::default();
        while let Some(answer) = answers.message().await.map_err(later)? {
            part.bodies.extend(answer.bodies);
            part.rays.extend(answer.rays);
        }
        Ok(part)
    }

    /// What the whole world held after an entry, from the members' histories; ascending by id.
    ///
    /// # Errors
    /// `OUT_OF_RANGE` when a member's history does not hold the entry.
    pub async fn history(&self, index: LogIndex) -> Result<Vec<v1::BodyState>, Status> {
        let me = self.simulation.pod()?;
        let status = self.simulation.status().await?.status;
        let others = status.members.iter().filter(|member| member.pod != me);
        let parts = try_join_all(others.map(|member| self.ask_history(member, index)));
        let own = async { self.simulation.history(index).await.map_err(Status::from) };
        let (own, parts) = tokio::try_join!(own, parts)?;
        let mut bodies: Vec<v1::BodyState> = own.iter().map(convert::body_state).collect();
        bodies.extend(parts.into_iter().flatten());
        bodies.sort_unstable_by_key(|body| body.id);
        Ok(bodies)
    }

    async fn ask_history(&self, member: &Member, index: LogIndex) -> Result<Vec<v1::BodyState>, Status> {
        let at = |status: Status| {
            Status::new(
                status.code(),
                format!("{} at {}: {}", member.pod, member.address, status.message()),
            )
        };
        let mut peer = self
            .channels
            .peer(&member.address)
            .map_err(|error| at(Status::unavailable(reason(&error))))?;
        let mut answers = peer
            .read_history(v1::ReadHistoryRequest { index: index.0 })
            .await
            .map_err(at)?
            .into_inner();
        let mut bodies = Vec::new();
        while let Some(answer) = answers.message().await.map_err(at)? {
            bodies.extend(answer.bodies);
        }
        Ok(bodies)
    }
}

/// What comes first of the hits of a ray, as in one world: the nearest, bodies before static shapes, lower ids before higher. Static shapes are everywhere, so several pods can report the same hit.
fn order(hit: &v1::RayHit) -> (f64, bool, u64) {
    match hit.target {
        Some(v1::ray_hit::Target::BodyId(id)) => (hit.distance_m, false, id),
        Some(v1::ray_hit::Target::StaticIndex(index)) => (hit.distance_m, true, index.into()),
        None => (hit.distance_m, true, u64::MAX),
    }
}

fn join(index: LogIndex, tick: Tick, parts: impl Iterator<Item = Part>) -> Cut {
    let mut cut = Cut {
        index,
        tick,
        ..Cut::default()
    };
    for part in parts {
        cut.bodies.extend(part.bodies);
        cut.rays
            .resize(part.rays.len().max(cut.rays.len()), v1::RayAnswer::default());
        for (have, new) in cut.rays.iter_mut().zip(part.rays) {
            if new
                .hit
                .is_some_and(|new| have.hit.is_none_or(|have| order(&new) < order(&have)))
            {
                *have = new;
            }
        }
    }
    cut.bodies.sort_unstable_by_key(|body| body.id);
    cut
}
