//! `loadBalancer` of a BackendPolicy.

use super::*;

/// `spec` is what stands below `loadBalancer:`, from line 7.
#[track_caller]
fn check(spec: &str, expected: &[&str]) {
    let text = format!(
        "apiVersion: meshctl.dev/v1alpha1\nkind: BackendPolicy\nmetadata: {{name: p}}\nspec:\n  \
         targetRefs: [{{kind: Service, name: web}}]\n  loadBalancer:\n{spec}"
    );
    assert_eq!(said(&text), expected, "{spec}");
}

#[test]
fn good_ones() {
    check(
        "    type: RingHash
    consistentHash:
      hashOn:
      - {header: x-user, terminal: true}
      - cookie: {name: session, ttl: 1h, path: /}
      - {sourceIP: true}
      - {queryParam: user}
      minimumRingSize: 100
      maximumRingSize: 1000
      hashBalanceFactor: 125
      useHostname: true
",
        &[],
    );
    check(
        "    type: Maglev\n    consistentHash: {hashOn: [{header: x}], tableSize: 251}\n",
        &[],
    );
    check(
        "    slowStart: {window: 30s, aggression: 1.5, minWeightPercent: 20}
    locality:
      mode: ZoneAware
      zoneAware:
        minClusterSize: 3
        routingEnabled: 50
        failTrafficOnPanic: true
        forceLocalZone: {minSize: 2}
        basis: HostsWeight
",
        &[],
    );
    check(
        "    locality:
      mode: Weighted
      distribute: [{from: eu/*, to: {eu/a: 80, eu/*: 10, '*/c': 5, '*': 5}}]
",
        &[],
    );
}

#[test]
fn fields_of_another_type_are_refused() {
    check(
        "    type: Maglev
    peakEwma: {}
    slowStart: {window: 1s}
    consistentHash: {hashOn: [{header: x}], minimumRingSize: 5, maximumRingSize: 9}
",
        &[
            "8 error: `peakEwma` has no effect when the type is Maglev",
            "9 error: `slowStart` has no effect when the type is Maglev",
            "10 error: `minimumRingSize` has no effect when the type is Maglev",
            "10 error: `maximumRingSize` has no effect when the type is Maglev",
        ],
    );
    check(
        "    consistentHash: {hashOn: [{header: x}]}\n",
        &["7 error: `consistentHash` has no effect when the type is PeakEwma"],
    );
    check(
        "    locality: {zoneAware: {}, failoverPriority: [], distribute: []}\n",
        &[
            "7 error: `zoneAware` has no effect when the mode is None",
            "7 error: `failoverPriority` has no effect when the mode is None",
            "7 error: `distribute` has no effect when the mode is None",
        ],
    );
}

#[test]
fn a_hash_needs_something_to_hash() {
    let nothing = "7 error: RingHash without `consistentHash.hashOn`: there is nothing to hash";
    check("    type: RingHash\n", &[nothing]);
    check("    type: RingHash\n    consistentHash: {}\n", &[nothing]);
    check(
        "    type: RingHash
    consistentHash:
      hashOn:
      - {}
      - {header: x, queryParam: b}
      - {sourceIP: false}
      - {header: 'not a name'}
      - {queryParam: ''}
      - cookie: {name: 'a=b', path: /}
      - cookie: {name: a, ttl: 1s, path: 'x;y'}
",
        &[
            "10 error: an entry of hashOn names one thing",
            "11 error: an entry of hashOn names one thing",
            "12 error: an entry of hashOn names one thing",
            "13 error: `not a name` is not the name of a header",
            "14 error: the parameter has no name",
            "15 error: `a=b` is not the name of a cookie",
            "15 error: `path` has no effect without `ttl`",
            "16 error: the path of the cookie cannot be sent",
        ],
    );
}

#[test]
fn sizes_and_bounds_of_a_hash() {
    check(
        "    type: RingHash
    consistentHash:
      hashOn: [{header: x}]
      maximumRingSize: 1000
      tableSize: 251
      hashBalanceFactor: 99
",
        &[
            "11 error: `tableSize` has no effect when the type is RingHash",
            "10 error: maximumRingSize is less than minimumRingSize (1024)",
            "12 error: hashBalanceFactor is 99: less than the average cannot be all",
        ],
    );
    check(
        "    type: Maglev\n    consistentHash: {hashOn: [{header: x}], tableSize: 65536}\n",
        &["8 error: tableSize is not a prime"],
    );
}

#[test]
fn slow_start() {
    check(
        "    slowStart: {}\n",
        &["7 error: slowStart without `window` does nothing"],
    );
    check(
        "    slowStart: {window: 0s, aggression: 0}\n",
        &["7 error: `window` is zero", "7 error: `aggression` is 0"],
    );
}

#[test]
fn localities() {
    check(
        "    locality: {mode: Weighted}\n",
        &["7 error: Weighted without `distribute`: nothing says how traffic is divided"],
    );
    check(
        "    locality:
      mode: Weighted
      distribute:
      - from: a/b/c
        to: {eu/: 50, /a: 49}
",
        &[
            "10 error: `a/b/c` is not a locality",
            "11 error: `/a` is not a locality",
            "11 error: `eu/` is not a locality",
            "11 error: the weights add up to 99",
        ],
    );
    let zone = "topology.kubernetes.io/zone";
    check(
        &format!("    locality: {{mode: Failover, failoverPriority: [{zone}, app, {zone}]}}\n"),
        &[
            "7 error: `app` is not a topology that is known here",
            "7 error: `topology.kubernetes.io/zone` is named twice",
            "7 warning: Failover without a detector: endpoints that fail keep their traffic",
        ],
    );
    check(
        "    type: RingHash
    consistentHash: {hashOn: [{header: x}]}
    locality: {mode: ZoneAware}
",
        &["9 error: RingHash and ZoneAware exclude one another"],
    );
}
