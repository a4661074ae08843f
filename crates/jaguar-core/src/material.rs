//! Surfaces: friction, restitution, resistance to rolling and spinning, damping, and how those of two bodies combine.

use crate::error::FieldError;

/// How a coefficient of a contact follows from those of its two bodies. If their rules differ, the later one in this list counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[repr(u8)]
pub enum CombineRule {
    /// √(a b): a slippery body slips on everything.
    #[default]
    GeometricMean,
    /// (a + b) / 2.
    Average,
    /// The smaller.
    Minimum,
    /// a b.
    Product,
    /// The larger.
    Maximum,
}

impl CombineRule {
    const ALL: [Self; 5] = [
        Self::GeometricMean,
        Self::Average,
        Self::Minimum,
        Self::Product,
        Self::Maximum,
    ];

    pub(crate) fn of_code(code: u32) -> Option<Self> {
        Self::ALL.get(code as usize).copied()
    }

    /// The coefficient of two bodies under the later of their rules. Gives the same bits when the two are swapped.
    #[inline]
    pub(crate) fn combine(self, other: Self, a: f32, b: f32) -> f32 {
        match self.max(other) {
            Self::GeometricMean => (a * b).sqrt(),
            Self::Average => 0.5 * (a + b),
            Self::Minimum => a.min(b),
            Self::Product => a * b,
            Self::Maximum => a.max(b),
        }
    }
}

/// Surface and damping of a body.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct Material {
    /// Coulomb friction coefficient, 0 to 10.
    pub friction: f32,
    /// Coefficient of restitution, 0 to 1.
    pub restitution: f32,
    /// Rolling resistance, 0 to 1: the torque that resists rolling, over the normal force and the radius of curvature. A contact takes the larger of both.
    pub rolling_resistance: f32,
    /// Resistance to spinning about the normal, 0 to 1, likewise. A contact takes the larger of both.
    pub spinning_resistance: f32,
    /// Linear damping, 1/s, 0 to 100.
    pub linear_damping: f32,
    /// Angular damping, 1/s, 0 to 100.
    pub angular_damping: f32,
    /// How friction combines; by default the geometric mean.
    pub friction_rule: CombineRule,
    /// How restitution combines; by default the larger of both.
    pub restitution_rule: CombineRule,
}

impl Default for Material {
    fn default() -> Self {
        Self {
            friction: 0.5,
            restitution: 0.0,
            rolling_resistance: 0.0,
            spinning_resistance: 0.0,
            linear_damping: 0.0,
            angular_damping: 0.0,
            friction_rule: CombineRule::GeometricMean,
            restitution_rule: CombineRule::Maximum,
        }
    }
}

impl Material {
    /// Checks every value against its range; the error names the first field outside.
    pub fn validate(&self) -> Result<(), FieldError> {
        FieldError::check("material.friction", self.friction, 0.0, 10.0, "")?;
        FieldError::check("material.restitution", self.restitution, 0.0, 1.0, "")?;
        FieldError::check("material.rolling_resistance", self.rolling_resistance, 0.0, 1.0, "")?;
        FieldError::check("material.spinning_resistance", self.spinning_resistance, 0.0, 1.0, "")?;
        FieldError::check("material.linear_damping", self.linear_damping, 0.0, 100.0, "1/s")?;
        FieldError::check("material.angular_damping", self.angular_damping, 0.0, 100.0, "1/s")
    }

    /// The friction coefficient of a contact.
    pub fn friction_with(&self, other: &Self) -> f32 {
        self.friction_rule
            .combine(other.friction_rule, self.friction, other.friction)
    }

    /// The coefficient of restitution of a contact.
    pub fn restitution_with(&self, other: &Self) -> f32 {
        self.restitution_rule
            .combine(other.restitution_rule, self.restitution, other.restitution)
    }

    /// Whether bodies of this surface resist rolling or spinning.
    pub(crate) fn resists(&self) -> bool {
        self.rolling_resistance > 0.0 || self.spinning_resistance > 0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_later_rule_counts() {
        let of = |rule, friction| Material {
            friction,
            friction_rule: rule,
            ..Material::default()
        };
        let both = |a: Material, b: Material| {
            assert_eq!(a.friction_with(&b), b.friction_with(&a));
            a.friction_with(&b)
        };
        use CombineRule::*;
        assert_eq!(both(of(GeometricMean, 0.5), of(GeometricMean, 2.0)), 1.0);
        assert_eq!(both(of(GeometricMean, 0.5), of(Average, 1.5)), 1.0);
        assert_eq!(both(of(Minimum, 0.5), of(Average, 1.5)), 0.5);
        assert_eq!(both(of(Minimum, 0.5), of(Product, 1.5)), 0.75);
        assert_eq!(both(of(Maximum, 0.5), of(Product, 1.5)), 1.5);
    }
}
