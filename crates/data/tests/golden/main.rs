//! Golden cases.
mod preprocessing;
#[test]
fn preprocessing() {
    sensitome_testkit::run_group("preprocessing", |c, r| {
        if c.prefix() == "split" {
            for n in c.output_names() {
                r.used(c, n)
            }
        } else {
            preprocessing::run(c, r)
        }
    });
}
