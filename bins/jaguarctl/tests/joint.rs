//! `jaguarctl joint` on a running world.

#[path = "common/pod.rs"]
mod pod;

use std::path::Path;

use crate::pod::{Pod, json_of};

#[test]
fn bodies_are_joined_as_they_lie_and_let_go() {
    let pod = Pod::start(&[]);
    let ask = |command: &str| pod.ask(Path::new("."), command);
    let spawn = |x: u32| {
        let spawned = json_of(&ask(&format!("spawn --position {x},20,0 --radius 0.25")));
        spawned["ids"][0]["first"].as_u64().expect("an id")
    };
    let bodies: Vec<u64> = (0..4).map(spawn).collect();
    let [a, b, c, d] = bodies[..] else { panic!("{bodies:?}") };
    let joints: Vec<u64> = [
        format!("joint add {a} {b} --kind hinge --axis 0,0,1 --limits -0.5,1 --motor 2,50"),
        format!("joint add {b} {c} --kind fixed"),
        format!("joint add {c} {d} --kind distance --length 1.5 --spring 2,0.5 --collide"),
        format!("joint add {a} --kind ball --point -1,20,0"),
    ]
    .iter()
    .map(|command| json_of(&ask(command))["id"].as_u64().expect("an id"))
    .collect();
    assert_eq!(json_of(&ask("status"))["joints"], 4);
    assert_eq!(json_of(&ask(&format!("joint remove {}", joints[2])))["id"], joints[2]);
    assert_eq!(json_of(&ask("status"))["joints"], 3);

    for (command, said) in [
        (format!("joint remove {}", joints[2]), "there is no joint"),
        (format!("joint add {a} 4711 --kind ball"), "there is no body 4711"),
        (format!("joint add {a} {c} --kind hinge"), "needs --axis X,Y,Z"),
        (format!("joint add {a} --kind distance"), "needs --second-point X,Y,Z"),
        (
            format!("joint add {a} {c} --kind ball --length 2"),
            "--length goes with --kind distance only",
        ),
        (
            format!("joint add {a} {c} --kind hinge --axis 0,0,0"),
            "has no direction",
        ),
        (
            format!("joint add {a} {c} --kind distance --length 12"),
            "12 is outside 0 to 11.2 m",
        ),
        (
            format!("joint add {a} --kind hinge --axis 0,0,1 --limits 1"),
            "is not two numbers",
        ),
    ] {
        let output = ask(&command);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{command}: {stderr}");
        assert!(stderr.contains(said), "{command}: {stderr}");
    }
}
