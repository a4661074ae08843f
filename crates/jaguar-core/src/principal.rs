//! Principal axes of inertia: those about which a body turns as about a fixed axle.

use glam::{DMat3, DQuat, DVec3};

/// How a body's mass lies about its centre.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Principal {
    /// From the principal axes to those of the body. The moments about x and y are the two that differ least, as inverses; a body that is round about an axis has it in z.
    pub(crate) axes: DQuat,
    /// Moments of inertia about the principal axes, kg m².
    pub(crate) moments: DVec3,
}

/// Sweeps after which a tensor is diagonal for good: each squares the error, and three bring any to 2^-53.
const SWEEPS: u32 = 8;

impl Principal {
    /// Of a symmetric tensor, by Jacobi's rotations (Golub and Van Loan, "Matrix Computations", 8.5): each makes one of the products of inertia vanish. Plain arithmetic, so every machine finds the same axes.
    pub(crate) fn of(tensor: DMat3) -> Self {
        let mut tensor = tensor.to_cols_array_2d();
        let mut axes = DMat3::IDENTITY.to_cols_array_2d();
        for (p, q) in [(0, 1), (0, 2), (1, 2)].repeat(SWEEPS as usize) {
            if tensor[p][q] != 0.0 {
                let (cosine, sine) = rotation(tensor[p][p], tensor[q][q], tensor[p][q]);
                for row in &mut tensor {
                    (row[p], row[q]) = (cosine * row[p] - sine * row[q], sine * row[p] + cosine * row[q]);
                }
                for matrix in [&mut tensor, &mut axes] {
                    let (x, y) = (DVec3::from(matrix[p]), DVec3::from(matrix[q]));
                    matrix[p] = (x * cosine - y * sine).to_array();
                    matrix[q] = (x * sine + y * cosine).to_array();
                }
            }
        }
        let moments: [f64; 3] = std::array::from_fn(|k| tensor[k][k]);
        let unlike = |k: usize| (1.0 / moments[(k + 1) % 3] - 1.0 / moments[(k + 2) % 3]).abs();
        let last = if unlike(2) <= unlike(0).min(unlike(1)) {
            2
        } else if unlike(0) <= unlike(1) {
            0
        } else {
            1
        };
        // In turn, so that they stay right-handed.
        let [x, y, z] = [1, 2, 3].map(|step| (last + step) % 3);
        let column = |k: usize| DVec3::from(axes[k]);
        Self {
            axes: DQuat::from_mat3(&DMat3::from_cols(column(x), column(y), column(z))).normalize(),
            moments: DVec3::new(moments[x], moments[y], moments[z]),
        }
    }
}

/// Cosine and sine of the smaller of the angles by which two axes turn for their product to vanish.
fn rotation(first: f64, second: f64, product: f64) -> (f64, f64) {
    let ratio = (second - first) / (2.0 * product);
    let tangent = ratio.signum() / (ratio.abs() + (ratio * ratio + 1.0).sqrt());
    let cosine = 1.0 / (tangent * tangent + 1.0).sqrt();
    (cosine, tangent * cosine)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenes::Random;

    #[test]
    fn axes_and_moments_give_the_tensor_back() {
        let mut random = Random(1);
        for k in 0..1000 {
            let thin = 10_f64.powf(4.0 * random.unit() - 4.0);
            let mut moments = [1.0, 1.0 + random.unit(), thin];
            moments.rotate_left(k % 3);
            let turn = DMat3::from_quat(random.orientation().as_dquat().normalize());
            let tensor = turn * DMat3::from_diagonal(DVec3::from(moments)) * turn.transpose();
            let found = Principal::of(tensor);
            let axes = DMat3::from_quat(found.axes);
            let again = axes * DMat3::from_diagonal(found.moments) * axes.transpose();
            assert!(again.abs_diff_eq(tensor, 1e-14), "{tensor} {again}");
            let inverse = found.moments.recip();
            let pair = (inverse.x - inverse.y).abs();
            assert!(
                pair <= (inverse.y - inverse.z).abs() && pair <= (inverse.z - inverse.x).abs(),
                "{found:?}"
            );
        }
    }

    #[test]
    fn what_is_round_about_an_axis_has_it_in_z() {
        for (round, around) in [
            (DVec3::new(1.0, 1.0, 5.0), DVec3::Z),
            (DVec3::new(1.0, 5.0, 1.0), DVec3::Y),
            (DVec3::new(0.1, 1.0, 1.0), DVec3::X),
        ] {
            let found = Principal::of(DMat3::from_diagonal(round));
            assert_eq!(found.axes * DVec3::Z, around);
            assert_eq!(found.moments.x, found.moments.y);
        }
    }
}
