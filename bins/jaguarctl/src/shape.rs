//! Shapes of bodies as a person writes them: `cuboid:0.5,0.5,0.5`.

use jaguar_proto::v1::shape::Kind;
use jaguar_proto::v1::{Capsule, Shape, Vector};

/// The shape of a word, as the service takes it.
pub(crate) fn parse(text: &str) -> Result<Shape, String> {
    let wrong = || {
        format!(
            "{text:?} is no shape; they are sphere:RADIUS, capsule:HALF_HEIGHT,RADIUS, cuboid:X,Y,Z (half edges) in m, and hull:INDEX"
        )
    };
    let (kind, rest) = text.split_once(':').ok_or_else(wrong)?;
    let numbers: Result<Vec<f32>, _> = rest.split(',').map(|part| part.trim().parse()).collect();
    let kind = match (kind, numbers.as_deref()) {
        ("sphere", Ok(&[radius])) => Kind::SphereRadiusM(radius),
        ("capsule", Ok(&[half_height_m, radius_m])) => Kind::Capsule(Capsule {
            half_height_m,
            radius_m,
        }),
        ("cuboid", Ok(&[x, y, z])) => Kind::CuboidHalfExtentsM(Vector { x, y, z }),
        ("hull", _) => Kind::Hull(rest.trim().parse().map_err(|_| wrong())?),
        _ => return Err(wrong()),
    };
    Ok(Shape { kind: Some(kind) })
}

/// The word of a shape; `-` of what has none.
pub(crate) fn in_words(shape: Option<&Shape>) -> String {
    match shape.and_then(|shape| shape.kind.as_ref()) {
        Some(Kind::SphereRadiusM(radius)) => format!("sphere:{radius}"),
        Some(Kind::Capsule(Capsule {
            half_height_m,
            radius_m,
        })) => format!("capsule:{half_height_m},{radius_m}"),
        Some(Kind::CuboidHalfExtentsM(Vector { x, y, z })) => format!("cuboid:{x},{y},{z}"),
        Some(Kind::Hull(index)) => format!("hull:{index}"),
        None => "-".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_shapes_and_shapes_are_words() {
        for word in ["sphere:0.5", "capsule:1,0.25", "cuboid:0.5,1,1.5", "hull:3"] {
            let shape = parse(word).unwrap();
            assert_eq!(in_words(Some(&shape)), word);
        }
        assert_eq!(in_words(None), "-");
        for word in ["ball:1", "cuboid:1,2", "sphere:x", "hull:-1", "sphere"] {
            let error = parse(word).unwrap_err();
            assert!(
                error.starts_with(&format!("{word:?} is no shape; they are sphere:RADIUS")),
                "{error}"
            );
        }
    }
}
