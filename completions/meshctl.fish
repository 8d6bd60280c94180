# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_meshctl_global_optspecs
    string join \n color= q/quiet h/help V/version
end

function __fish_meshctl_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_meshctl_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_meshctl_using_subcommand
    set -l cmd (__fish_meshctl_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c meshctl -n "__fish_meshctl_needs_command" -l color -d 'When to use colour; NO_COLOR is honoured' -r -f -a "auto\t''
always\t''
never\t''"
complete -c meshctl -n "__fish_meshctl_needs_command" -s q -l quiet -d 'Print data and errors only, no news'
complete -c meshctl -n "__fish_meshctl_needs_command" -s h -l help -d 'Print help'
complete -c meshctl -n "__fish_meshctl_needs_command" -s V -l version -d 'Print version'
complete -c meshctl -n "__fish_meshctl_needs_command" -f -a "simulate" -d 'Run a mesh offline: real proxies, your manifests, virtual time'
complete -c meshctl -n "__fish_meshctl_needs_command" -f -a "inject" -d 'Add the sidecar to manifests; nothing else in them changes'
complete -c meshctl -n "__fish_meshctl_needs_command" -f -a "uninject" -d 'Take out of manifests what `meshctl inject` put in'
complete -c meshctl -n "__fish_meshctl_needs_command" -f -a "route" -d 'See where traffic goes, change it, and know what the change does'
complete -c meshctl -n "__fish_meshctl_needs_command" -f -a "policy" -d 'See which policies hold, where, and why others do not'
complete -c meshctl -n "__fish_meshctl_needs_command" -f -a "authz" -d 'Ask who may call what'
complete -c meshctl -n "__fish_meshctl_needs_command" -f -a "check" -d 'Diagnose a cluster step by step, each trouble with a remedy'
complete -c meshctl -n "__fish_meshctl_needs_command" -f -a "lint" -d 'Judge manifests without running them'
complete -c meshctl -n "__fish_meshctl_needs_command" -f -a "proxy" -d 'Run the proxy of a workload, or of a Gateway'
complete -c meshctl -n "__fish_meshctl_needs_command" -f -a "proxy-init" -d 'Redirect the traffic of this network namespace to its proxy'
complete -c meshctl -n "__fish_meshctl_needs_command" -f -a "ca" -d 'Certificates for workloads on hosts without Kubernetes'
complete -c meshctl -n "__fish_meshctl_needs_command" -f -a "top" -d 'See the mesh live: rates, latencies, and which breaker is open, why and until when'
complete -c meshctl -n "__fish_meshctl_needs_command" -f -a "demo" -d 'Start a living mesh on this machine, to look at'
complete -c meshctl -n "__fish_meshctl_needs_command" -f -a "stat" -d 'Print rates, success, latencies and breakers once, for scripts'
complete -c meshctl -n "__fish_meshctl_needs_command" -f -a "tap" -d 'Watch requests as they end'
complete -c meshctl -n "__fish_meshctl_needs_command" -f -a "edges" -d 'Print who calls whom, how well, and whether mutual TLS protects it'
complete -c meshctl -n "__fish_meshctl_needs_command" -f -a "completions" -d 'Print the completion script of a shell'
complete -c meshctl -n "__fish_meshctl_needs_command" -f -a "version" -d 'Print the version and what it was built for'
complete -c meshctl -n "__fish_meshctl_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c meshctl -n "__fish_meshctl_using_subcommand simulate; and not __fish_seen_subcommand_from init help" -s f -l filename -d 'Manifests: files, directories, or `-` for standard input; added to those of the scenario, and in place of the same objects of a cluster' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand simulate; and not __fish_seen_subcommand_from init help" -l seed -d 'Where the randomness comes from: same seed, same bytes' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand simulate; and not __fish_seen_subcommand_from init help" -l seeds -d 'Run N seeds, starting at --seed, over all cores, and report the spread' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand simulate; and not __fish_seen_subcommand_from init help" -l duration -d 'How much virtual time to simulate, instead of what the scenario says' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand simulate; and not __fish_seen_subcommand_from init help" -l set -d 'Change a value: PATH=VALUE in the scenario, or KIND/NAMESPACE/NAME:PATH=VALUE in a manifest' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand simulate; and not __fish_seen_subcommand_from init help" -l counter -d 'Apply a counter-change of the scenario: the expectations that it names have to fail' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand simulate; and not __fish_seen_subcommand_from init help" -s o -l output -d 'Output format on standard output' -r -f -a "text\t''
json\t''
markdown\t'With --against: what differs significantly, for a comment on a change'"
complete -c meshctl -n "__fish_meshctl_using_subcommand simulate; and not __fish_seen_subcommand_from init help" -l junit -d 'Also write a JUnit XML report' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand simulate; and not __fish_seen_subcommand_from init help" -l html -d 'Also write a self-contained HTML report' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand simulate; and not __fish_seen_subcommand_from init help" -l trace -d 'Tell the story of requests across hops: the first that `failed`, or the first N' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand simulate; and not __fish_seen_subcommand_from init help" -l compare -d 'Compare with an earlier report (-o json) and say what became worse' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand simulate; and not __fish_seen_subcommand_from init help" -l against -d 'Run with the manifests of this directory or git commit as well, and say what differs' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand simulate; and not __fish_seen_subcommand_from init help" -l speed -d 'How fast --watch goes: virtual seconds in a second, or `inf`' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand simulate; and not __fish_seen_subcommand_from init help" -l record -d 'Also write what all proxies saw, second by second, for `meshctl top --replay`' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand simulate; and not __fish_seen_subcommand_from init help" -l recover -d 'With --swarm: how long everything may take to come back [default: 1m]' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand simulate; and not __fish_seen_subcommand_from init help" -l tries -d 'How many smaller scenarios --shrink tries' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand simulate; and not __fish_seen_subcommand_from init help" -l save -d 'Where --swarm writes the first scenario that failed, and --shrink the smallest' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand simulate; and not __fish_seen_subcommand_from init help" -l max-wall -d 'Stop after this much real time; the report is marked as partial' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand simulate; and not __fish_seen_subcommand_from init help" -l crypto -d '`real` uses real key exchange and signatures instead of the simulator\'s cheap ones' -r -f -a "simulated\t''
real\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand simulate; and not __fish_seen_subcommand_from init help" -l level -d '`policy` drives the engine alone, without bytes: many times faster, for sweeps' -r -f -a "wire\t'Real proxies over a virtual network'
policy\t'The engine alone'"
complete -c meshctl -n "__fish_meshctl_using_subcommand simulate; and not __fish_seen_subcommand_from init help" -s j -l jobs -d 'How many simulations run at once' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand simulate; and not __fish_seen_subcommand_from init help" -l context -d 'The context of the kubeconfig; without it the current one' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand simulate; and not __fish_seen_subcommand_from init help" -l kubeconfig -d 'The kubeconfig; without it $KUBECONFIG or ~/.kube/config' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand simulate; and not __fish_seen_subcommand_from init help" -l as -d 'Act as this user (impersonation)' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand simulate; and not __fish_seen_subcommand_from init help" -l as-group -d 'Act as this group (can be repeated)' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand simulate; and not __fish_seen_subcommand_from init help" -l request-timeout -d 'How long one answer of the API server may take' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand simulate; and not __fish_seen_subcommand_from init help" -s n -l namespace -d 'The namespace; without it that of the context' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand simulate; and not __fish_seen_subcommand_from init help" -l color -d 'When to use colour; NO_COLOR is honoured' -r -f -a "auto\t''
always\t''
never\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand simulate; and not __fish_seen_subcommand_from init help" -s R -l recursive -d 'Look for manifests in subdirectories as well'
complete -c meshctl -n "__fish_meshctl_using_subcommand simulate; and not __fish_seen_subcommand_from init help" -l watch -d 'Watch the run on the live screen: pause, step, on to the next event; the report comes after'
complete -c meshctl -n "__fish_meshctl_using_subcommand simulate; and not __fish_seen_subcommand_from init help" -l swarm -d 'Draw faults by seed, end them all, and demand that everything comes back; --seeds draws'
complete -c meshctl -n "__fish_meshctl_using_subcommand simulate; and not __fish_seen_subcommand_from init help" -l shrink -d 'Write the smallest scenario that still fails in the same way'
complete -c meshctl -n "__fish_meshctl_using_subcommand simulate; and not __fish_seen_subcommand_from init help" -l no-assumptions -d 'Refuse to judge by assumed inputs: exit 2 when an expectation rests on one'
complete -c meshctl -n "__fish_meshctl_using_subcommand simulate; and not __fish_seen_subcommand_from init help" -l ignore-foreign -d 'Go on although policies of another mesh are not understood; the result is INCOMPLETE'
complete -c meshctl -n "__fish_meshctl_using_subcommand simulate; and not __fish_seen_subcommand_from init help" -s v -l verbose -d 'List every assumption and everything that is not modelled'
complete -c meshctl -n "__fish_meshctl_using_subcommand simulate; and not __fish_seen_subcommand_from init help" -s A -l all-namespaces -d 'All namespaces'
complete -c meshctl -n "__fish_meshctl_using_subcommand simulate; and not __fish_seen_subcommand_from init help" -s q -l quiet -d 'Print data and errors only, no news'
complete -c meshctl -n "__fish_meshctl_using_subcommand simulate; and not __fish_seen_subcommand_from init help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand simulate; and not __fish_seen_subcommand_from init help" -a "init" -d 'Write out the scenario that would be derived from manifests, with comments, for editing'
complete -c meshctl -n "__fish_meshctl_using_subcommand simulate; and not __fish_seen_subcommand_from init help" -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c meshctl -n "__fish_meshctl_using_subcommand simulate; and __fish_seen_subcommand_from init" -s f -l filename -d 'Manifests: files, directories, or `-` for standard input' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand simulate; and __fish_seen_subcommand_from init" -l color -d 'When to use colour; NO_COLOR is honoured' -r -f -a "auto\t''
always\t''
never\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand simulate; and __fish_seen_subcommand_from init" -s R -l recursive -d 'Look for manifests in subdirectories as well'
complete -c meshctl -n "__fish_meshctl_using_subcommand simulate; and __fish_seen_subcommand_from init" -s q -l quiet -d 'Print data and errors only, no news'
complete -c meshctl -n "__fish_meshctl_using_subcommand simulate; and __fish_seen_subcommand_from init" -s h -l help -d 'Print help'
complete -c meshctl -n "__fish_meshctl_using_subcommand simulate; and __fish_seen_subcommand_from help" -f -a "init" -d 'Write out the scenario that would be derived from manifests, with comments, for editing'
complete -c meshctl -n "__fish_meshctl_using_subcommand simulate; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c meshctl -n "__fish_meshctl_using_subcommand inject" -s f -l filename -d 'The same, as kubectl takes them (can be repeated)' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand inject" -s o -l output -d 'Format of all documents [default: each as it is written]' -r -f -a "yaml\t'Documents in YAML stay as they are'
json\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand inject" -l report -d 'How to tell what was done: on standard error, with --explain on standard output' -r -f -a "text\t''
json\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand inject" -s n -l namespace -d 'Namespace of objects that name none' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand inject" -l pod-template-path -d 'Where a kind has its pod template: KIND[.GROUP]=.path (can be repeated)' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand inject" -l ports -d 'Inbound ports that pass the proxy; all when not given' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand inject" -l skip-inbound-ports -d 'Inbound ports that are left alone' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand inject" -l skip-outbound-ports -d 'Destination ports that are left alone' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand inject" -l opaque-ports -d 'Ports that are forwarded as bytes' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand inject" -l image -d 'Image of the proxy [default: meshctl:VERSION]' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand inject" -l image-pull-policy -d 'When the image is pulled: Always, IfNotPresent or Never' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand inject" -l proxy-cpu-request -d 'Processor time set aside for the proxy [default: 10m]' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand inject" -l proxy-memory-request -d 'Memory set aside for the proxy [default: 32Mi]' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand inject" -l proxy-cpu-limit -d 'Processor time the proxy may use' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand inject" -l proxy-memory-limit -d 'Memory the proxy may use' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand inject" -l log-level -d 'How much the proxy logs: error, warn, info, debug or trace' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand inject" -l tracing -d 'OTLP collector for spans' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand inject" -l identity -d 'Where the certificate comes from: control-plane, or secret/NAME' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand inject" -l control-plane -d 'Address of the control plane' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand inject" -l trust-domain -d 'Trust domain of the mesh' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand inject" -l color -d 'When to use colour; NO_COLOR is honoured' -r -f -a "auto\t''
always\t''
never\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand inject" -s R -l recursive -d 'Look for manifests in subdirectories as well'
complete -c meshctl -n "__fish_meshctl_using_subcommand inject" -s i -l in-place -d 'Write into the files instead of standard output: all of them or, on an error, none'
complete -c meshctl -n "__fish_meshctl_using_subcommand inject" -l diff -d 'Print what would change, as a unified diff'
complete -c meshctl -n "__fish_meshctl_using_subcommand inject" -l explain -d 'Only tell for every workload whether it gets a proxy, and why not'
complete -c meshctl -n "__fish_meshctl_using_subcommand inject" -l strict -d 'Exit with 1 when a workload that did not opt out is left out'
complete -c meshctl -n "__fish_meshctl_using_subcommand inject" -l annotate -d 'Add annotations that ask the webhook for the sidecar, instead of the sidecar'
complete -c meshctl -n "__fish_meshctl_using_subcommand inject" -l cni -d 'A CNI plugin captures the traffic: add no init container for it'
complete -c meshctl -n "__fish_meshctl_using_subcommand inject" -l no-native -d 'Add the proxy as an ordinary container, for clusters before Kubernetes 1.29'
complete -c meshctl -n "__fish_meshctl_using_subcommand inject" -l no-hold-application -d 'Do not let the application wait for the proxy (only without native sidecars)'
complete -c meshctl -n "__fish_meshctl_using_subcommand inject" -s q -l quiet -d 'Print data and errors only, no news'
complete -c meshctl -n "__fish_meshctl_using_subcommand inject" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand uninject" -s f -l filename -d 'The same, as kubectl takes them (can be repeated)' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand uninject" -s o -l output -d 'Format of all documents [default: each as it is written]' -r -f -a "yaml\t'Documents in YAML stay as they are'
json\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand uninject" -l report -d 'How to tell what was done, on standard error' -r -f -a "text\t''
json\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand uninject" -l pod-template-path -d 'Where a kind has its pod template: KIND[.GROUP]=.path (can be repeated)' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand uninject" -l color -d 'When to use colour; NO_COLOR is honoured' -r -f -a "auto\t''
always\t''
never\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand uninject" -s R -l recursive -d 'Look for manifests in subdirectories as well'
complete -c meshctl -n "__fish_meshctl_using_subcommand uninject" -s i -l in-place -d 'Write into the files instead of standard output: all of them or, on an error, none'
complete -c meshctl -n "__fish_meshctl_using_subcommand uninject" -l diff -d 'Print what would change, as a unified diff'
complete -c meshctl -n "__fish_meshctl_using_subcommand uninject" -s q -l quiet -d 'Print data and errors only, no news'
complete -c meshctl -n "__fish_meshctl_using_subcommand uninject" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and not __fish_seen_subcommand_from list get explain diff split set delete mirror timeout retry shift help" -l color -d 'When to use colour; NO_COLOR is honoured' -r -f -a "auto\t''
always\t''
never\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and not __fish_seen_subcommand_from list get explain diff split set delete mirror timeout retry shift help" -s q -l quiet -d 'Print data and errors only, no news'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and not __fish_seen_subcommand_from list get explain diff split set delete mirror timeout retry shift help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and not __fish_seen_subcommand_from list get explain diff split set delete mirror timeout retry shift help" -f -a "list" -d 'List routes by Service: who gets which requests, for whom that holds, and what never holds'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and not __fish_seen_subcommand_from list get explain diff split set delete mirror timeout retry shift help" -f -a "get" -d 'Show the routes of one Service in full: rules, backends with their pods, policies, shadows'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and not __fish_seen_subcommand_from list get explain diff split set delete mirror timeout retry shift help" -f -a "explain" -d 'Explain what happens to a request: rule, filters, backends with probabilities, policies, reasons'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and not __fish_seen_subcommand_from list get explain diff split set delete mirror timeout retry shift help" -f -a "diff" -d 'Say what changes in behaviour between two sets of manifests: not in text, in what requests get'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and not __fish_seen_subcommand_from list get explain diff split set delete mirror timeout retry shift help" -f -a "split" -d 'Divide the requests of a Service among versions: canary, blue-green, A/B'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and not __fish_seen_subcommand_from list get explain diff split set delete mirror timeout retry shift help" -f -a "set" -d 'Set what a route does to requests on their way: headers, host, path'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and not __fish_seen_subcommand_from list get explain diff split set delete mirror timeout retry shift help" -f -a "delete" -d 'Take routes, rules or backends away'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and not __fish_seen_subcommand_from list get explain diff split set delete mirror timeout retry shift help" -f -a "mirror" -d 'Send a copy of requests to another version; its answers are thrown away'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and not __fish_seen_subcommand_from list get explain diff split set delete mirror timeout retry shift help" -f -a "timeout" -d 'Bound the time of requests: all tries together, and each one'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and not __fish_seen_subcommand_from list get explain diff split set delete mirror timeout retry shift help" -f -a "retry" -d 'Try failed requests again'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and not __fish_seen_subcommand_from list get explain diff split set delete mirror timeout retry shift help" -f -a "shift" -d 'Move traffic to another version step by step, and back by itself when that version does badly'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and not __fish_seen_subcommand_from list get explain diff split set delete mirror timeout retry shift help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from list" -s f -l filename -d 'Manifests: files, directories, or `-` for standard input' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from list" -s n -l namespace -d 'The namespace of names without one' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from list" -l context -d 'The context of the kubeconfig; without it the current one' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from list" -l kubeconfig -d 'The kubeconfig; without it $KUBECONFIG or ~/.kube/config' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from list" -l as -d 'Act as this user (impersonation)' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from list" -l as-group -d 'Act as this group (can be repeated)' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from list" -l request-timeout -d 'How long one answer of the API server may take' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from list" -s l -l selector -d 'Only Services with these labels: `app=web,tier!=test,canary`' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from list" -s o -l output -d 'Output format' -r -f -a "table\t''
wide\t''
json\t''
yaml\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from list" -l color -d 'When to use colour; NO_COLOR is honoured' -r -f -a "auto\t''
always\t''
never\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from list" -s R -l recursive -d 'Look for manifests in subdirectories as well'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from list" -l ignore-foreign -d 'Go on although policies of another mesh are not understood'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from list" -s A -l all-namespaces -d 'All namespaces; of files this is meant when no namespace is named'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from list" -l all-services -d 'Also Services without a route'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Print data and errors only, no news'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from get" -s f -l filename -d 'Manifests: files, directories, or `-` for standard input' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from get" -s n -l namespace -d 'The namespace of names without one' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from get" -l context -d 'The context of the kubeconfig; without it the current one' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from get" -l kubeconfig -d 'The kubeconfig; without it $KUBECONFIG or ~/.kube/config' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from get" -l as -d 'Act as this user (impersonation)' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from get" -l as-group -d 'Act as this group (can be repeated)' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from get" -l request-timeout -d 'How long one answer of the API server may take' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from get" -l port -d 'Only this port of the Service, by name or number' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from get" -s o -l output -d 'Output format' -r -f -a "text\t''
table\t''
wide\t''
json\t''
yaml\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from get" -l color -d 'When to use colour; NO_COLOR is honoured' -r -f -a "auto\t''
always\t''
never\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from get" -s R -l recursive -d 'Look for manifests in subdirectories as well'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from get" -l ignore-foreign -d 'Go on although policies of another mesh are not understood'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from get" -s q -l quiet -d 'Print data and errors only, no news'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from get" -s h -l help -d 'Print help'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from explain" -s f -l filename -d 'Manifests: files, directories, or `-` for standard input' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from explain" -s n -l namespace -d 'The namespace of names without one' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from explain" -l context -d 'The context of the kubeconfig; without it the current one' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from explain" -l kubeconfig -d 'The kubeconfig; without it $KUBECONFIG or ~/.kube/config' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from explain" -l as -d 'Act as this user (impersonation)' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from explain" -l as-group -d 'Act as this group (can be repeated)' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from explain" -l request-timeout -d 'How long one answer of the API server may take' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from explain" -s H -l header -d 'A header of the request: `NAME: VALUE`' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from explain" -l from -d 'The workload that sends it: [NAMESPACE/][KIND/]NAME; else any client without own routes' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from explain" -l all -d 'Check all requests of this file' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from explain" -l fail-under -d 'With --all: fail when the tests reach a smaller share of the rules, in percent' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from explain" -s o -l output -d 'Output format' -r -f -a "text\t''
json\t''
junit\t'With --all'"
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from explain" -l color -d 'When to use colour; NO_COLOR is honoured' -r -f -a "auto\t''
always\t''
never\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from explain" -s R -l recursive -d 'Look for manifests in subdirectories as well'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from explain" -l ignore-foreign -d 'Go on although policies of another mesh are not understood'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from explain" -s q -l quiet -d 'Print data and errors only, no news'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from explain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from diff" -s f -l filename -d 'Manifests that both have in common' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from diff" -s o -l output -d 'Output format' -r -f -a "text\t''
json\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from diff" -l color -d 'When to use colour; NO_COLOR is honoured' -r -f -a "auto\t''
always\t''
never\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from diff" -s R -l recursive -d 'Look for manifests in subdirectories as well'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from diff" -l ignore-foreign -d 'Go on although policies of another mesh are not understood'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from diff" -s q -l quiet -d 'Print data and errors only, no news'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from diff" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from split" -l subset -d 'The labels of a version\'s pods: `v2=version=v2,track=canary`' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from split" -s f -l filename -d 'Manifests: files, directories, or `-` for standard input' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from split" -s n -l namespace -d 'The namespace of names without one' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from split" -l context -d 'The context of the kubeconfig; without it the current one' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from split" -l kubeconfig -d 'The kubeconfig; without it $KUBECONFIG or ~/.kube/config' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from split" -l as -d 'Act as this user (impersonation)' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from split" -l as-group -d 'Act as this group (can be repeated)' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from split" -l request-timeout -d 'How long one answer of the API server may take' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from split" -l port -d 'The port of the Service, by name or number; needed when it has several' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from split" -l clients -d 'Whose routes: those of the clients in this namespace (consumer routes), or `all`' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from split" -l match -d 'Only requests with this: header:N=V, query:N=V, path:/P, path=/P, method:M or grpc:S/M; with ~ instead of = a regular expression; repeated, all of them have to hold' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from split" -l rule -d 'The rule with this name, or `rules[N]`' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from split" -l out -d 'Where new objects go; else into the file of their Service' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from split" -l dry-run -d 'On a cluster: stop before the change is made' -r -f -a "client\t'Nothing is sent: what would change is shown'
server\t'The API server checks everything and stores nothing'"
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from split" -l simulate -d 'Run this scenario without and with the change, and show both side by side' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from split" -l color -d 'When to use colour; NO_COLOR is honoured' -r -f -a "auto\t''
always\t''
never\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from split" -l prune -d 'Take backends that are not named out of the rule, instead of giving them weight 0'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from split" -s R -l recursive -d 'Look for manifests in subdirectories as well'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from split" -l ignore-foreign -d 'Go on although policies of another mesh are not understood'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from split" -l force -d 'Also change what another controller looks after'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from split" -l diff -d 'Show what would change instead of the result'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from split" -l in-place -d 'Write the files; all of them or none'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from split" -l require -d 'Change nothing unless the scenario\'s expectations hold with the change'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from split" -s q -l quiet -d 'Print data and errors only, no news'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from split" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from set" -l header -d 'Set a header of the request: NAME=VALUE' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from set" -l add-header -d 'Add a header to the request, beside one that is there' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from set" -l remove-header -d 'Remove a header of the request' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from set" -l response-header -d 'Set a header of the response: NAME=VALUE' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from set" -l add-response-header -d 'Add a header to the response, beside one that is there' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from set" -l remove-response-header -d 'Remove a header of the response' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from set" -l rewrite-host -d 'The host that the backend is asked for' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from set" -l rewrite-path -d 'The path that the backend is asked for' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from set" -l rewrite-prefix -d 'What stands in the place of the prefix that the rule matches' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from set" -s f -l filename -d 'Manifests: files, directories, or `-` for standard input' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from set" -s n -l namespace -d 'The namespace of names without one' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from set" -l context -d 'The context of the kubeconfig; without it the current one' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from set" -l kubeconfig -d 'The kubeconfig; without it $KUBECONFIG or ~/.kube/config' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from set" -l as -d 'Act as this user (impersonation)' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from set" -l as-group -d 'Act as this group (can be repeated)' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from set" -l request-timeout -d 'How long one answer of the API server may take' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from set" -l port -d 'The port of the Service, by name or number; needed when it has several' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from set" -l clients -d 'Whose routes: those of the clients in this namespace (consumer routes), or `all`' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from set" -l match -d 'Only requests with this: header:N=V, query:N=V, path:/P, path=/P, method:M or grpc:S/M; with ~ instead of = a regular expression; repeated, all of them have to hold' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from set" -l rule -d 'The rule with this name, or `rules[N]`' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from set" -l out -d 'Where new objects go; else into the file of their Service' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from set" -l dry-run -d 'On a cluster: stop before the change is made' -r -f -a "client\t'Nothing is sent: what would change is shown'
server\t'The API server checks everything and stores nothing'"
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from set" -l simulate -d 'Run this scenario without and with the change, and show both side by side' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from set" -l color -d 'When to use colour; NO_COLOR is honoured' -r -f -a "auto\t''
always\t''
never\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from set" -l clear -d 'Take away all that this command sets'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from set" -s R -l recursive -d 'Look for manifests in subdirectories as well'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from set" -l ignore-foreign -d 'Go on although policies of another mesh are not understood'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from set" -l force -d 'Also change what another controller looks after'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from set" -l diff -d 'Show what would change instead of the result'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from set" -l in-place -d 'Write the files; all of them or none'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from set" -l require -d 'Change nothing unless the scenario\'s expectations hold with the change'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from set" -s q -l quiet -d 'Print data and errors only, no news'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from set" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from delete" -l backend -d 'Only this backend: a Service, or a version of this one' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from delete" -s f -l filename -d 'Manifests: files, directories, or `-` for standard input' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from delete" -s n -l namespace -d 'The namespace of names without one' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from delete" -l context -d 'The context of the kubeconfig; without it the current one' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from delete" -l kubeconfig -d 'The kubeconfig; without it $KUBECONFIG or ~/.kube/config' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from delete" -l as -d 'Act as this user (impersonation)' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from delete" -l as-group -d 'Act as this group (can be repeated)' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from delete" -l request-timeout -d 'How long one answer of the API server may take' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from delete" -l port -d 'The port of the Service, by name or number; needed when it has several' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from delete" -l clients -d 'Whose routes: those of the clients in this namespace (consumer routes), or `all`' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from delete" -l match -d 'Only requests with this: header:N=V, query:N=V, path:/P, path=/P, method:M or grpc:S/M; with ~ instead of = a regular expression; repeated, all of them have to hold' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from delete" -l rule -d 'The rule with this name, or `rules[N]`' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from delete" -l out -d 'Where new objects go; else into the file of their Service' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from delete" -l dry-run -d 'On a cluster: stop before the change is made' -r -f -a "client\t'Nothing is sent: what would change is shown'
server\t'The API server checks everything and stores nothing'"
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from delete" -l simulate -d 'Run this scenario without and with the change, and show both side by side' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from delete" -l color -d 'When to use colour; NO_COLOR is honoured' -r -f -a "auto\t''
always\t''
never\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from delete" -s R -l recursive -d 'Look for manifests in subdirectories as well'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from delete" -l ignore-foreign -d 'Go on although policies of another mesh are not understood'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from delete" -l force -d 'Also change what another controller looks after'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from delete" -l diff -d 'Show what would change instead of the result'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from delete" -l in-place -d 'Write the files; all of them or none'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from delete" -l require -d 'Change nothing unless the scenario\'s expectations hold with the change'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from delete" -s q -l quiet -d 'Print data and errors only, no news'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from delete" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from mirror" -l to -d 'The backend that gets the copies: a Service, or a version of this one' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from mirror" -l percent -d 'Which share of the requests is copied' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from mirror" -l subset -d 'The labels of a version\'s pods: `v2=version=v2`' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from mirror" -s f -l filename -d 'Manifests: files, directories, or `-` for standard input' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from mirror" -s n -l namespace -d 'The namespace of names without one' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from mirror" -l context -d 'The context of the kubeconfig; without it the current one' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from mirror" -l kubeconfig -d 'The kubeconfig; without it $KUBECONFIG or ~/.kube/config' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from mirror" -l as -d 'Act as this user (impersonation)' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from mirror" -l as-group -d 'Act as this group (can be repeated)' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from mirror" -l request-timeout -d 'How long one answer of the API server may take' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from mirror" -l port -d 'The port of the Service, by name or number; needed when it has several' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from mirror" -l clients -d 'Whose routes: those of the clients in this namespace (consumer routes), or `all`' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from mirror" -l match -d 'Only requests with this: header:N=V, query:N=V, path:/P, path=/P, method:M or grpc:S/M; with ~ instead of = a regular expression; repeated, all of them have to hold' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from mirror" -l rule -d 'The rule with this name, or `rules[N]`' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from mirror" -l out -d 'Where new objects go; else into the file of their Service' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from mirror" -l dry-run -d 'On a cluster: stop before the change is made' -r -f -a "client\t'Nothing is sent: what would change is shown'
server\t'The API server checks everything and stores nothing'"
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from mirror" -l simulate -d 'Run this scenario without and with the change, and show both side by side' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from mirror" -l color -d 'When to use colour; NO_COLOR is honoured' -r -f -a "auto\t''
always\t''
never\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from mirror" -l off -d 'Copy nothing to this backend any more'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from mirror" -s R -l recursive -d 'Look for manifests in subdirectories as well'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from mirror" -l ignore-foreign -d 'Go on although policies of another mesh are not understood'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from mirror" -l force -d 'Also change what another controller looks after'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from mirror" -l diff -d 'Show what would change instead of the result'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from mirror" -l in-place -d 'Write the files; all of them or none'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from mirror" -l require -d 'Change nothing unless the scenario\'s expectations hold with the change'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from mirror" -s q -l quiet -d 'Print data and errors only, no news'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from mirror" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from timeout" -l request -d 'From the request to the end of the response, all tries together; 0s for no limit' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from timeout" -l backend-request -d 'One try; 0s for no limit' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from timeout" -s f -l filename -d 'Manifests: files, directories, or `-` for standard input' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from timeout" -s n -l namespace -d 'The namespace of names without one' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from timeout" -l context -d 'The context of the kubeconfig; without it the current one' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from timeout" -l kubeconfig -d 'The kubeconfig; without it $KUBECONFIG or ~/.kube/config' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from timeout" -l as -d 'Act as this user (impersonation)' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from timeout" -l as-group -d 'Act as this group (can be repeated)' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from timeout" -l request-timeout -d 'How long one answer of the API server may take' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from timeout" -l port -d 'The port of the Service, by name or number; needed when it has several' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from timeout" -l clients -d 'Whose routes: those of the clients in this namespace (consumer routes), or `all`' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from timeout" -l match -d 'Only requests with this: header:N=V, query:N=V, path:/P, path=/P, method:M or grpc:S/M; with ~ instead of = a regular expression; repeated, all of them have to hold' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from timeout" -l rule -d 'The rule with this name, or `rules[N]`' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from timeout" -l out -d 'Where new objects go; else into the file of their Service' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from timeout" -l dry-run -d 'On a cluster: stop before the change is made' -r -f -a "client\t'Nothing is sent: what would change is shown'
server\t'The API server checks everything and stores nothing'"
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from timeout" -l simulate -d 'Run this scenario without and with the change, and show both side by side' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from timeout" -l color -d 'When to use colour; NO_COLOR is honoured' -r -f -a "auto\t''
always\t''
never\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from timeout" -l off -d 'Take the timeouts away'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from timeout" -s R -l recursive -d 'Look for manifests in subdirectories as well'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from timeout" -l ignore-foreign -d 'Go on although policies of another mesh are not understood'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from timeout" -l force -d 'Also change what another controller looks after'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from timeout" -l diff -d 'Show what would change instead of the result'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from timeout" -l in-place -d 'Write the files; all of them or none'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from timeout" -l require -d 'Change nothing unless the scenario\'s expectations hold with the change'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from timeout" -s q -l quiet -d 'Print data and errors only, no news'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from timeout" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from retry" -l attempts -d 'Tries after the first' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from retry" -l codes -d 'Status codes that are tried again, beside connections that fail: 500,502,503' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from retry" -l backoff -d 'Wait before the first of them; it doubles' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from retry" -s f -l filename -d 'Manifests: files, directories, or `-` for standard input' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from retry" -s n -l namespace -d 'The namespace of names without one' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from retry" -l context -d 'The context of the kubeconfig; without it the current one' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from retry" -l kubeconfig -d 'The kubeconfig; without it $KUBECONFIG or ~/.kube/config' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from retry" -l as -d 'Act as this user (impersonation)' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from retry" -l as-group -d 'Act as this group (can be repeated)' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from retry" -l request-timeout -d 'How long one answer of the API server may take' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from retry" -l port -d 'The port of the Service, by name or number; needed when it has several' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from retry" -l clients -d 'Whose routes: those of the clients in this namespace (consumer routes), or `all`' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from retry" -l match -d 'Only requests with this: header:N=V, query:N=V, path:/P, path=/P, method:M or grpc:S/M; with ~ instead of = a regular expression; repeated, all of them have to hold' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from retry" -l rule -d 'The rule with this name, or `rules[N]`' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from retry" -l out -d 'Where new objects go; else into the file of their Service' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from retry" -l dry-run -d 'On a cluster: stop before the change is made' -r -f -a "client\t'Nothing is sent: what would change is shown'
server\t'The API server checks everything and stores nothing'"
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from retry" -l simulate -d 'Run this scenario without and with the change, and show both side by side' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from retry" -l color -d 'When to use colour; NO_COLOR is honoured' -r -f -a "auto\t''
always\t''
never\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from retry" -l off -d 'Take the retries away'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from retry" -s R -l recursive -d 'Look for manifests in subdirectories as well'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from retry" -l ignore-foreign -d 'Go on although policies of another mesh are not understood'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from retry" -l force -d 'Also change what another controller looks after'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from retry" -l diff -d 'Show what would change instead of the result'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from retry" -l in-place -d 'Write the files; all of them or none'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from retry" -l require -d 'Change nothing unless the scenario\'s expectations hold with the change'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from retry" -s q -l quiet -d 'Print data and errors only, no news'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from retry" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from shift" -l to -d 'The version that gets the traffic: a backend of the route, `reviews-v2` or `v2` for it' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from shift" -l step -d 'What it gets more in each step, in percent' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from shift" -l every -d 'How long a step lasts at least' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from shift" -l until -d 'Where the last step ends, in percent' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from shift" -l abort-on -d 'Return the traffic when the version does this: success<99%, p99>300ms (can be repeated)' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from shift" -l min-samples -d 'Requests to the version without which a step is not judged' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from shift" -l patience -d 'How long a step that should end waits for metrics; without it as long as two steps' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from shift" -l deadline -d 'How long everything may take; without it as long as all steps with their patience' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from shift" -l prometheus -d 'The metrics of a Prometheus: a URL, or svc/NAMESPACE/NAME:PORT through the API server [env: MESHCTL_PROMETHEUS, unless there is --proxy]' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from shift" -l metrics -d 'Whose metrics Prometheus has; without it those that there are' -r -f -a "istio\t''
linkerd\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from shift" -l proxy -d 'The metrics of a proxy, by its admin address, HOST:PORT (can be repeated: they are added up)' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from shift" -l route -d 'The route, when several govern the Service' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from shift" -s f -l filename -d 'Manifests that proxies read, instead of a cluster: files or directories' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from shift" -s n -l namespace -d 'The namespace of the Service; without it there may be only one of this name' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from shift" -l context -d 'The context of the kubeconfig; without it the current one' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from shift" -l kubeconfig -d 'The kubeconfig; without it $KUBECONFIG or ~/.kube/config' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from shift" -l as -d 'Act as this user (impersonation)' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from shift" -l as-group -d 'Act as this group (can be repeated)' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from shift" -l request-timeout -d 'How long one answer of the API server may take' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from shift" -l color -d 'When to use colour; NO_COLOR is honoured' -r -f -a "auto\t''
always\t''
never\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from shift" -l plan -d 'Print the steps and change nothing'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from shift" -l resume -d 'Go on with the shift that the route\'s annotation tells of'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from shift" -l return -d 'Give the traffic back and end the shift that the route\'s annotation tells of'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from shift" -l force -d 'Also shift what another controller looks after'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from shift" -s R -l recursive -d 'Look for manifests in subdirectories as well'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from shift" -l in-place -d 'Write each step into the files'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from shift" -s q -l quiet -d 'Print data and errors only, no news'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from shift" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from help" -f -a "list" -d 'List routes by Service: who gets which requests, for whom that holds, and what never holds'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from help" -f -a "get" -d 'Show the routes of one Service in full: rules, backends with their pods, policies, shadows'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from help" -f -a "explain" -d 'Explain what happens to a request: rule, filters, backends with probabilities, policies, reasons'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from help" -f -a "diff" -d 'Say what changes in behaviour between two sets of manifests: not in text, in what requests get'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from help" -f -a "split" -d 'Divide the requests of a Service among versions: canary, blue-green, A/B'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from help" -f -a "set" -d 'Set what a route does to requests on their way: headers, host, path'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from help" -f -a "delete" -d 'Take routes, rules or backends away'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from help" -f -a "mirror" -d 'Send a copy of requests to another version; its answers are thrown away'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from help" -f -a "timeout" -d 'Bound the time of requests: all tries together, and each one'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from help" -f -a "retry" -d 'Try failed requests again'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from help" -f -a "shift" -d 'Move traffic to another version step by step, and back by itself when that version does badly'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c meshctl -n "__fish_meshctl_using_subcommand policy; and not __fish_seen_subcommand_from list help" -l color -d 'When to use colour; NO_COLOR is honoured' -r -f -a "auto\t''
always\t''
never\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand policy; and not __fish_seen_subcommand_from list help" -s q -l quiet -d 'Print data and errors only, no news'
complete -c meshctl -n "__fish_meshctl_using_subcommand policy; and not __fish_seen_subcommand_from list help" -s h -l help -d 'Print help'
complete -c meshctl -n "__fish_meshctl_using_subcommand policy; and not __fish_seen_subcommand_from list help" -f -a "list" -d 'List policies with the status conditions of each target (GEP-713)'
complete -c meshctl -n "__fish_meshctl_using_subcommand policy; and not __fish_seen_subcommand_from list help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c meshctl -n "__fish_meshctl_using_subcommand policy; and __fish_seen_subcommand_from list" -s f -l filename -d 'Manifests: files, directories, or `-` for standard input' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand policy; and __fish_seen_subcommand_from list" -s n -l namespace -d 'The namespace of names without one' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand policy; and __fish_seen_subcommand_from list" -l context -d 'The context of the kubeconfig; without it the current one' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand policy; and __fish_seen_subcommand_from list" -l kubeconfig -d 'The kubeconfig; without it $KUBECONFIG or ~/.kube/config' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand policy; and __fish_seen_subcommand_from list" -l as -d 'Act as this user (impersonation)' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand policy; and __fish_seen_subcommand_from list" -l as-group -d 'Act as this group (can be repeated)' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand policy; and __fish_seen_subcommand_from list" -l request-timeout -d 'How long one answer of the API server may take' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand policy; and __fish_seen_subcommand_from list" -s o -l output -d 'Output format' -r -f -a "table\t''
wide\t'With places'
json\t''
yaml\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand policy; and __fish_seen_subcommand_from list" -l color -d 'When to use colour; NO_COLOR is honoured' -r -f -a "auto\t''
always\t''
never\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand policy; and __fish_seen_subcommand_from list" -s R -l recursive -d 'Look for manifests in subdirectories as well'
complete -c meshctl -n "__fish_meshctl_using_subcommand policy; and __fish_seen_subcommand_from list" -l ignore-foreign -d 'Go on although policies of another mesh are not understood'
complete -c meshctl -n "__fish_meshctl_using_subcommand policy; and __fish_seen_subcommand_from list" -s A -l all-namespaces -d 'All namespaces; of files this is meant when no namespace is named'
complete -c meshctl -n "__fish_meshctl_using_subcommand policy; and __fish_seen_subcommand_from list" -l routes -d 'Also routes, with the conditions of each parent'
complete -c meshctl -n "__fish_meshctl_using_subcommand policy; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Print data and errors only, no news'
complete -c meshctl -n "__fish_meshctl_using_subcommand policy; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand policy; and __fish_seen_subcommand_from help" -f -a "list" -d 'List policies with the status conditions of each target (GEP-713)'
complete -c meshctl -n "__fish_meshctl_using_subcommand policy; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c meshctl -n "__fish_meshctl_using_subcommand authz; and not __fish_seen_subcommand_from check help" -l color -d 'When to use colour; NO_COLOR is honoured' -r -f -a "auto\t''
always\t''
never\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand authz; and not __fish_seen_subcommand_from check help" -s q -l quiet -d 'Print data and errors only, no news'
complete -c meshctl -n "__fish_meshctl_using_subcommand authz; and not __fish_seen_subcommand_from check help" -s h -l help -d 'Print help'
complete -c meshctl -n "__fish_meshctl_using_subcommand authz; and not __fish_seen_subcommand_from check help" -f -a "check" -d 'Ask whether somebody may call something, and which rule says so'
complete -c meshctl -n "__fish_meshctl_using_subcommand authz; and not __fish_seen_subcommand_from check help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c meshctl -n "__fish_meshctl_using_subcommand authz; and __fish_seen_subcommand_from check" -l from -d 'Who calls: a workload ([NAMESPACE/][KIND/]NAME), a SPIFFE id, or `outside`: no identity' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand authz; and __fish_seen_subcommand_from check" -l to -d 'What is called: a Service ([NAMESPACE/]NAME[:PORT])' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand authz; and __fish_seen_subcommand_from check" -s H -l header -d 'A header of the request: `NAME: VALUE`' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand authz; and __fish_seen_subcommand_from check" -l source-ip -d 'The caller\'s address, for policies with `ipBlocks`' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand authz; and __fish_seen_subcommand_from check" -s f -l filename -d 'Manifests: files, directories, or `-` for standard input' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand authz; and __fish_seen_subcommand_from check" -s n -l namespace -d 'The namespace of names without one' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand authz; and __fish_seen_subcommand_from check" -l context -d 'The context of the kubeconfig; without it the current one' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand authz; and __fish_seen_subcommand_from check" -l kubeconfig -d 'The kubeconfig; without it $KUBECONFIG or ~/.kube/config' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand authz; and __fish_seen_subcommand_from check" -l as -d 'Act as this user (impersonation)' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand authz; and __fish_seen_subcommand_from check" -l as-group -d 'Act as this group (can be repeated)' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand authz; and __fish_seen_subcommand_from check" -l request-timeout -d 'How long one answer of the API server may take' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand authz; and __fish_seen_subcommand_from check" -s o -l output -d 'Output format' -r -f -a "text\t''
json\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand authz; and __fish_seen_subcommand_from check" -l color -d 'When to use colour; NO_COLOR is honoured' -r -f -a "auto\t''
always\t''
never\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand authz; and __fish_seen_subcommand_from check" -l tcp -d 'A connection that is not HTTP'
complete -c meshctl -n "__fish_meshctl_using_subcommand authz; and __fish_seen_subcommand_from check" -s R -l recursive -d 'Look for manifests in subdirectories as well'
complete -c meshctl -n "__fish_meshctl_using_subcommand authz; and __fish_seen_subcommand_from check" -l ignore-foreign -d 'Go on although policies of another mesh are not understood'
complete -c meshctl -n "__fish_meshctl_using_subcommand authz; and __fish_seen_subcommand_from check" -s v -l verbose -d 'Say of every rule why it does or does not match'
complete -c meshctl -n "__fish_meshctl_using_subcommand authz; and __fish_seen_subcommand_from check" -s q -l quiet -d 'Print data and errors only, no news'
complete -c meshctl -n "__fish_meshctl_using_subcommand authz; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand authz; and __fish_seen_subcommand_from help" -f -a "check" -d 'Ask whether somebody may call something, and which rule says so'
complete -c meshctl -n "__fish_meshctl_using_subcommand authz; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c meshctl -n "__fish_meshctl_using_subcommand check" -s o -l output -d 'Output format' -r -f -a "table\t'Every check'
json\t''
short\t'What is not right'"
complete -c meshctl -n "__fish_meshctl_using_subcommand check" -l context -d 'The context of the kubeconfig; without it the current one' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand check" -l kubeconfig -d 'The kubeconfig; without it $KUBECONFIG or ~/.kube/config' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand check" -l as -d 'Act as this user (impersonation)' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand check" -l as-group -d 'Act as this group (can be repeated)' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand check" -l request-timeout -d 'How long one answer of the API server may take' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand check" -s n -l namespace -d 'The namespace; without it that of the context' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand check" -l color -d 'When to use colour; NO_COLOR is honoured' -r -f -a "auto\t''
always\t''
never\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand check" -s A -l all-namespaces -d 'All namespaces'
complete -c meshctl -n "__fish_meshctl_using_subcommand check" -s q -l quiet -d 'Print data and errors only, no news'
complete -c meshctl -n "__fish_meshctl_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand lint" -s f -l filename -d 'The same, as a flag' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand lint" -l fail-on -d 'The level from which findings make the exit status 1' -r -f -a "error\t''
warning\t''
info\t''
never\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand lint" -l ignore -d 'Leave out a code, everywhere or for objects: MC0214, MC0214=shop/canary-*' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand lint" -s o -l output -d 'Output format on standard output' -r -f -a "text\t''
json\t''
sarif\t'SARIF 2.1.0, as code hosts read it'
github\t'Annotations of GitHub Actions'"
complete -c meshctl -n "__fish_meshctl_using_subcommand lint" -l explain -d 'Print what a code means, and judge nothing' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand lint" -l color -d 'When to use colour; NO_COLOR is honoured' -r -f -a "auto\t''
always\t''
never\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand lint" -s R -l recursive -d 'Look for manifests in subdirectories as well'
complete -c meshctl -n "__fish_meshctl_using_subcommand lint" -l complete -d 'The input is everything there is: references to nothing are errors'
complete -c meshctl -n "__fish_meshctl_using_subcommand lint" -l list -d 'Print all codes, and judge nothing'
complete -c meshctl -n "__fish_meshctl_using_subcommand lint" -s q -l quiet -d 'Print data and errors only, no news'
complete -c meshctl -n "__fish_meshctl_using_subcommand lint" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy; and not __fish_seen_subcommand_from wait help" -l role -d 'What the proxy is' -r -f -a "sidecar\t'The proxy of one workload'
gateway\t'The listeners of a Gateway, for clients outside the mesh'"
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy; and not __fish_seen_subcommand_from wait help" -l workload -d 'Whose proxy it is: NAMESPACE/NAME of a Pod or Workload, of what makes pods, or anything else' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy; and not __fish_seen_subcommand_from wait help" -l gateway -d 'The Gateway whose listeners a gateway has [default: the name of the workload]' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy; and not __fish_seen_subcommand_from wait help" -s f -l filename -d 'Manifests: files and directories, watched for changes' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy; and not __fish_seen_subcommand_from wait help" -l cert -d 'The workload\'s certificate and its issuers, PEM' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy; and not __fish_seen_subcommand_from wait help" -l key -d 'Its private key, PEM' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy; and not __fish_seen_subcommand_from wait help" -l trust-bundle -d 'Certificates of the authorities that are trusted, PEM' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy; and not __fish_seen_subcommand_from wait help" -l token -d 'The token that the control plane signs a certificate for' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy; and not __fish_seen_subcommand_from wait help" -l trust-domain -d 'SPIFFE trust domain of the mesh' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy; and not __fish_seen_subcommand_from wait help" -l outbound -d 'Where the application\'s connections arrive, or `none` [default: 127.0.0.1:14001 and [::1]:14001]' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy; and not __fish_seen_subcommand_from wait help" -l inbound -d 'Where connections to the application arrive, or `none` [default: the ports of the Workload with an `appPort`, else port 14006 of all addresses]' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy; and not __fish_seen_subcommand_from wait help" -l listen -d 'Where a gateway listens: an IP for all of its ports, or PORT=IP:PORT for the one that the Gateway calls PORT [default: all addresses]' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy; and not __fish_seen_subcommand_from wait help" -l trusted-hops -d 'Proxies in front of a gateway whose entries in X-Forwarded-For are believed' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy; and not __fish_seen_subcommand_from wait help" -l health -d 'Where probes and Prometheus ask, or `none` [default: port 14020 of all addresses]' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy; and not __fish_seen_subcommand_from wait help" -l admin -d 'Where administrators ask, or `none` [default: 127.0.0.1:14000]' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy; and not __fish_seen_subcommand_from wait help" -l proxy-protocol -d 'Listener ports behind a load balancer: connections begin with a PROXY header, version 1 or 2; others are closed. Whoever can reach such a port can be any client' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy; and not __fish_seen_subcommand_from wait help" -l workers -d 'Worker threads' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy; and not __fish_seen_subcommand_from wait help" -l drain-timeout -d 'How long a signal waits for what was accepted' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy; and not __fish_seen_subcommand_from wait help" -l log-level -d 'How much is told on standard error' -r -f -a "error\t''
warn\t''
info\t''
debug\t''
trace\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy; and not __fish_seen_subcommand_from wait help" -l zone -d 'Zone of the workload, where its manifest says none' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy; and not __fish_seen_subcommand_from wait help" -l region -d 'Region of the workload, where its manifest says none' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy; and not __fish_seen_subcommand_from wait help" -l probe -d 'A probe of the kubelet that is let through without a certificate: http:PORT/PATH (can be repeated)' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy; and not __fish_seen_subcommand_from wait help" -l control-plane -d 'Where the control plane is; this version has none, and takes its configuration from -f' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy; and not __fish_seen_subcommand_from wait help" -l access-log -d 'Write a line for each request [default: no access log]' -r -f -a "text\t'Envoy\'s default fields, and four more'
json\t'One object'"
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy; and not __fish_seen_subcommand_from wait help" -l access-log-file -d 'Where the access log goes, `-` for standard output' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy; and not __fish_seen_subcommand_from wait help" -l access-log-sample -d 'Which share of the requests that did not fail is written; the others always are' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy; and not __fish_seen_subcommand_from wait help" -l otlp -d 'An OpenTelemetry collector: http://HOST:4318 or, over gRPC, http://HOST:4317' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy; and not __fish_seen_subcommand_from wait help" -l otlp-protocol -d 'What the collector speaks [default: grpc at port 4317, http elsewhere]' -r -f -a "http\t'Protocol Buffers over HTTP/1.1'
grpc\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy; and not __fish_seen_subcommand_from wait help" -l otlp-header -d 'A header of each export, NAME=VALUE (can be repeated)' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy; and not __fish_seen_subcommand_from wait help" -l otlp-signals -d 'What the collector gets' -r -f -a "traces\t''
metrics\t''
logs\t'The access log'"
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy; and not __fish_seen_subcommand_from wait help" -l zipkin -d 'A Zipkin server, which gets traces: http://HOST:9411' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy; and not __fish_seen_subcommand_from wait help" -l trace-sample -d 'Which share of the traces that begin here is sampled' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy; and not __fish_seen_subcommand_from wait help" -l trace-propagation -d 'Headers that trace contexts are read from, in this order, and written to: tracecontext, b3, b3multi' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy; and not __fish_seen_subcommand_from wait help" -l statsd -d 'A statsd server that understands the tags of DogStatsD, over UDP' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy; and not __fish_seen_subcommand_from wait help" -l influx -d 'A server of InfluxDB\'s line protocol over UDP' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy; and not __fish_seen_subcommand_from wait help" -l metrics-interval -d 'How often metrics are pushed, at least 1s' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy; and not __fish_seen_subcommand_from wait help" -l resource -d 'More about the proxy in what is exported, NAME=VALUE (can be repeated)' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy; and not __fish_seen_subcommand_from wait help" -l color -d 'When to use colour; NO_COLOR is honoured' -r -f -a "auto\t''
always\t''
never\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy; and not __fish_seen_subcommand_from wait help" -s R -l recursive -d 'Look for manifests in subdirectories as well'
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy; and not __fish_seen_subcommand_from wait help" -l trace-ignore-parent -d 'Sample by --trace-sample also where the request says otherwise'
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy; and not __fish_seen_subcommand_from wait help" -s q -l quiet -d 'Print data and errors only, no news'
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy; and not __fish_seen_subcommand_from wait help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy; and not __fish_seen_subcommand_from wait help" -f -a "wait" -d 'Wait until the proxy beside can serve'
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy; and not __fish_seen_subcommand_from wait help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy; and __fish_seen_subcommand_from wait" -l timeout -d 'How long to wait' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy; and __fish_seen_subcommand_from wait" -l health -d 'The proxy\'s health listener' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy; and __fish_seen_subcommand_from wait" -l color -d 'When to use colour; NO_COLOR is honoured' -r -f -a "auto\t''
always\t''
never\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy; and __fish_seen_subcommand_from wait" -s q -l quiet -d 'Print data and errors only, no news'
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy; and __fish_seen_subcommand_from wait" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy; and __fish_seen_subcommand_from help" -f -a "wait" -d 'Wait until the proxy beside can serve'
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy-init" -l ports -d 'Ports of the application that pass the proxy [default: all]' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy-init" -l skip-inbound-ports -d 'Ports of the application that do not' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy-init" -l skip-outbound-ports -d 'Destination ports that the application reaches without the proxy' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy-init" -l outbound-cidrs -d 'Destinations that the application reaches through the proxy [default: all]' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy-init" -l skip-outbound-cidrs -d 'Destinations that it reaches without' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy-init" -l proxy-uid -d 'The user that the proxy runs as; its connections are left alone' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy-init" -l outbound-port -d 'Port of the proxy\'s outbound listener' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy-init" -l inbound-port -d 'Port of the proxy\'s inbound listener' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy-init" -l ipv6 -d 'Whether IPv6 is redirected too' -r -f -a "auto\t'When this network namespace has an IPv6 address'
always\t''
never\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy-init" -l backend -d 'What the rules are written for' -r -f -a "auto\t'nftables where `nft` is installed, else iptables'
nftables\t''
iptables\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy-init" -l color -d 'When to use colour; NO_COLOR is honoured' -r -f -a "auto\t''
always\t''
never\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy-init" -l dry-run -d 'Print what would be done, and do nothing'
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy-init" -l clean-up -d 'Take the rules away'
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy-init" -s q -l quiet -d 'Print data and errors only, no news'
complete -c meshctl -n "__fish_meshctl_using_subcommand proxy-init" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand ca; and not __fish_seen_subcommand_from init issue rotate help" -l color -d 'When to use colour; NO_COLOR is honoured' -r -f -a "auto\t''
always\t''
never\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand ca; and not __fish_seen_subcommand_from init issue rotate help" -s q -l quiet -d 'Print data and errors only, no news'
complete -c meshctl -n "__fish_meshctl_using_subcommand ca; and not __fish_seen_subcommand_from init issue rotate help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand ca; and not __fish_seen_subcommand_from init issue rotate help" -f -a "init" -d 'Make an authority in a directory'
complete -c meshctl -n "__fish_meshctl_using_subcommand ca; and not __fish_seen_subcommand_from init issue rotate help" -f -a "issue" -d 'Issue a certificate for a workload'
complete -c meshctl -n "__fish_meshctl_using_subcommand ca; and not __fish_seen_subcommand_from init issue rotate help" -f -a "rotate" -d 'Replace the issuer of an authority, or its root'
complete -c meshctl -n "__fish_meshctl_using_subcommand ca; and not __fish_seen_subcommand_from init issue rotate help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c meshctl -n "__fish_meshctl_using_subcommand ca; and __fish_seen_subcommand_from init" -l trust-domain -d 'SPIFFE trust domain of the mesh' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand ca; and __fish_seen_subcommand_from init" -l root-ttl -d 'How long the root is valid' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand ca; and __fish_seen_subcommand_from init" -l issuer-ttl -d 'How long the issuer is valid' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand ca; and __fish_seen_subcommand_from init" -l color -d 'When to use colour; NO_COLOR is honoured' -r -f -a "auto\t''
always\t''
never\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand ca; and __fish_seen_subcommand_from init" -s q -l quiet -d 'Print data and errors only, no news'
complete -c meshctl -n "__fish_meshctl_using_subcommand ca; and __fish_seen_subcommand_from init" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand ca; and __fish_seen_subcommand_from issue" -l ca -d 'Where the authority is kept' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand ca; and __fish_seen_subcommand_from issue" -l out -d 'Where the files go' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand ca; and __fish_seen_subcommand_from issue" -l ttl -d 'How long it is valid' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand ca; and __fish_seen_subcommand_from issue" -l color -d 'When to use colour; NO_COLOR is honoured' -r -f -a "auto\t''
always\t''
never\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand ca; and __fish_seen_subcommand_from issue" -l renew -d 'Stay, and renew it'
complete -c meshctl -n "__fish_meshctl_using_subcommand ca; and __fish_seen_subcommand_from issue" -s q -l quiet -d 'Print data and errors only, no news'
complete -c meshctl -n "__fish_meshctl_using_subcommand ca; and __fish_seen_subcommand_from issue" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand ca; and __fish_seen_subcommand_from rotate" -l root-ttl -d 'How long a new root is valid' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand ca; and __fish_seen_subcommand_from rotate" -l issuer-ttl -d 'How long a new issuer is valid' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand ca; and __fish_seen_subcommand_from rotate" -l color -d 'When to use colour; NO_COLOR is honoured' -r -f -a "auto\t''
always\t''
never\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand ca; and __fish_seen_subcommand_from rotate" -l root -d 'Replace the root as well; the old one stays trusted'
complete -c meshctl -n "__fish_meshctl_using_subcommand ca; and __fish_seen_subcommand_from rotate" -l forget -d 'Trust the newest root only'
complete -c meshctl -n "__fish_meshctl_using_subcommand ca; and __fish_seen_subcommand_from rotate" -s q -l quiet -d 'Print data and errors only, no news'
complete -c meshctl -n "__fish_meshctl_using_subcommand ca; and __fish_seen_subcommand_from rotate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand ca; and __fish_seen_subcommand_from help" -f -a "init" -d 'Make an authority in a directory'
complete -c meshctl -n "__fish_meshctl_using_subcommand ca; and __fish_seen_subcommand_from help" -f -a "issue" -d 'Issue a certificate for a workload'
complete -c meshctl -n "__fish_meshctl_using_subcommand ca; and __fish_seen_subcommand_from help" -f -a "rotate" -d 'Replace the issuer of an authority, or its root'
complete -c meshctl -n "__fish_meshctl_using_subcommand ca; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c meshctl -n "__fish_meshctl_using_subcommand top" -l proxy -d 'A proxy\'s admin address, HOST:PORT; can be given several times [default: 127.0.0.1:14000]' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand top" -l replay -d 'A recording, as `meshctl simulate --record` and a proxy\'s /frames write it' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand top" -l speed -d 'How fast a recording is played: virtual seconds in a second' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand top" -l window -d 'Rates and percentiles are over this time, or `all` [default: 10s; --once of proxies: 5s, of a recording: all]' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand top" -s o -l output -d 'Output format of --once' -r -f -a "table\t''
wide\t'More columns'
json\t''
yaml\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand top" -l filter -d 'Only rows with all of these words; `!WORD` leaves rows out' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand top" -s n -l namespace -d 'Only rows of this namespace' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand top" -l sort -d 'Sort by the column with this head' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand top" -l theme -d 'Colours for this background; NO_COLOR and `--color never` leave them out' -r -f -a "auto\t'What COLORFGBG says, else dark'
dark\t''
light\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand top" -l color -d 'When to use colour; NO_COLOR is honoured' -r -f -a "auto\t''
always\t''
never\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand top" -l once -d 'Print what is seen once the window is covered, and end'
complete -c meshctl -n "__fish_meshctl_using_subcommand top" -l failing -d 'Only rows with failures, or with endpoints that get no traffic'
complete -c meshctl -n "__fish_meshctl_using_subcommand top" -l reverse -d 'The other way round'
complete -c meshctl -n "__fish_meshctl_using_subcommand top" -s q -l quiet -d 'Print data and errors only, no news'
complete -c meshctl -n "__fish_meshctl_using_subcommand top" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand demo" -l admin -d 'Where `meshctl top` asks' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand demo" -l color -d 'When to use colour; NO_COLOR is honoured' -r -f -a "auto\t''
always\t''
never\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand demo" -s q -l quiet -d 'Print data and errors only, no news'
complete -c meshctl -n "__fish_meshctl_using_subcommand demo" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand stat" -l proxy -d 'A proxy\'s admin address, HOST:PORT; can be given several times [default: 127.0.0.1:14000]' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand stat" -l replay -d 'A recording, as `meshctl simulate --record` and a proxy\'s /frames write it' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand stat" -l window -d 'Over this time, or `all` [default: 5s; of a recording: all]' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand stat" -s o -l output -d 'Output format' -r -f -a "table\t''
wide\t'More columns'
json\t''
yaml\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand stat" -l filter -d 'Only rows with all of these words; `!WORD` leaves rows out' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand stat" -s n -l namespace -d 'Only rows of this namespace' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand stat" -l sort -d 'Sort by the column with this head' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand stat" -l color -d 'When to use colour; NO_COLOR is honoured' -r -f -a "auto\t''
always\t''
never\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand stat" -l failing -d 'Only rows with failures, or with endpoints that get no traffic'
complete -c meshctl -n "__fish_meshctl_using_subcommand stat" -l reverse -d 'The other way round'
complete -c meshctl -n "__fish_meshctl_using_subcommand stat" -s q -l quiet -d 'Print data and errors only, no news'
complete -c meshctl -n "__fish_meshctl_using_subcommand stat" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand tap" -s n -l namespace -d 'Of services in this namespace' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand tap" -l side -d 'Of this side: outbound = the caller\'s proxy, inbound = that of the one who is called' -r -f -a "outbound\t''
inbound\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand tap" -l source -d 'Of this caller: a pod, a workload (NAMESPACE/Deployment/NAME), a proven identity, an address' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand tap" -l identity -d 'With this proven identity at one of its ends' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand tap" -l route -d 'By this rule of a route' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand tap" -l backend -d 'To this backend: NAMESPACE/NAME or NAMESPACE/NAME:PORT' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand tap" -l upstream -d 'To this endpoint: NAMESPACE/POD or ADDRESS:PORT' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand tap" -l method -d 'With this method' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand tap" -l authority -d 'For this host' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand tap" -l path -d 'With this path, which has no query string: \'/cart\' or \'/cart*\'' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand tap" -l status -d 'With this status: 503, 5xx, or none when the client left before' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand tap" -l grpc-status -d 'With this gRPC status' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand tap" -l flag -d 'With this flag of a failure, for example UO or RL' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand tap" -l id -d 'The hops of this request: its x-request-id' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand tap" -l slower-than -d 'Only what took so long or longer' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand tap" -l sample -d 'The share of these that is drawn, from 0 to 1' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand tap" -l rate -d 'At most so many each second of each proxy' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand tap" -l header -d 'Show the values of this header, or of all but credentials: \'*\'' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand tap" -l proxy -d 'A proxy\'s admin address, HOST:PORT; can be given several times [default: 127.0.0.1:14000]' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand tap" -l count -d 'End after so many requests' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand tap" -l for -d 'End after this time' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand tap" -s o -l output -d 'Output format: json is a line for each request' -r -f -a "table\t''
wide\t'More columns'
json\t''
yaml\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand tap" -l color -d 'When to use colour; NO_COLOR is honoured' -r -f -a "auto\t''
always\t''
never\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand tap" -l failed -d 'Only failures, as success is counted'
complete -c meshctl -n "__fish_meshctl_using_subcommand tap" -l query -d 'Show query strings'
complete -c meshctl -n "__fish_meshctl_using_subcommand tap" -s q -l quiet -d 'Print data and errors only, no news'
complete -c meshctl -n "__fish_meshctl_using_subcommand tap" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand edges" -l proxy -d 'A proxy\'s admin address, HOST:PORT; can be given several times [default: 127.0.0.1:14000]' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand edges" -l replay -d 'A recording, as `meshctl simulate --record` and a proxy\'s /frames write it' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand edges" -l window -d 'Over this time, or `all` [default: 5s; of a recording: all]' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand edges" -s o -l output -d 'Output format' -r -f -a "table\t''
wide\t'More columns'
json\t''
yaml\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand edges" -l filter -d 'Only rows with all of these words; `!WORD` leaves rows out' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand edges" -s n -l namespace -d 'Only rows of this namespace' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand edges" -l sort -d 'Sort by the column with this head' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand edges" -l color -d 'When to use colour; NO_COLOR is honoured' -r -f -a "auto\t''
always\t''
never\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand edges" -l failing -d 'Only rows with failures, or with endpoints that get no traffic'
complete -c meshctl -n "__fish_meshctl_using_subcommand edges" -l reverse -d 'The other way round'
complete -c meshctl -n "__fish_meshctl_using_subcommand edges" -s q -l quiet -d 'Print data and errors only, no news'
complete -c meshctl -n "__fish_meshctl_using_subcommand edges" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand completions" -l color -d 'When to use colour; NO_COLOR is honoured' -r -f -a "auto\t''
always\t''
never\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand completions" -s q -l quiet -d 'Print data and errors only, no news'
complete -c meshctl -n "__fish_meshctl_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand version" -s o -l output -d 'Output format' -r -f -a "text\t''
json\t''
yaml\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand version" -l color -d 'When to use colour; NO_COLOR is honoured' -r -f -a "auto\t''
always\t''
never\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand version" -s q -l quiet -d 'Print data and errors only, no news'
complete -c meshctl -n "__fish_meshctl_using_subcommand version" -s h -l help -d 'Print help'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and not __fish_seen_subcommand_from simulate inject uninject route policy authz check lint proxy proxy-init ca top demo stat tap edges completions version help" -f -a "simulate" -d 'Run a mesh offline: real proxies, your manifests, virtual time'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and not __fish_seen_subcommand_from simulate inject uninject route policy authz check lint proxy proxy-init ca top demo stat tap edges completions version help" -f -a "inject" -d 'Add the sidecar to manifests; nothing else in them changes'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and not __fish_seen_subcommand_from simulate inject uninject route policy authz check lint proxy proxy-init ca top demo stat tap edges completions version help" -f -a "uninject" -d 'Take out of manifests what `meshctl inject` put in'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and not __fish_seen_subcommand_from simulate inject uninject route policy authz check lint proxy proxy-init ca top demo stat tap edges completions version help" -f -a "route" -d 'See where traffic goes, change it, and know what the change does'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and not __fish_seen_subcommand_from simulate inject uninject route policy authz check lint proxy proxy-init ca top demo stat tap edges completions version help" -f -a "policy" -d 'See which policies hold, where, and why others do not'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and not __fish_seen_subcommand_from simulate inject uninject route policy authz check lint proxy proxy-init ca top demo stat tap edges completions version help" -f -a "authz" -d 'Ask who may call what'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and not __fish_seen_subcommand_from simulate inject uninject route policy authz check lint proxy proxy-init ca top demo stat tap edges completions version help" -f -a "check" -d 'Diagnose a cluster step by step, each trouble with a remedy'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and not __fish_seen_subcommand_from simulate inject uninject route policy authz check lint proxy proxy-init ca top demo stat tap edges completions version help" -f -a "lint" -d 'Judge manifests without running them'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and not __fish_seen_subcommand_from simulate inject uninject route policy authz check lint proxy proxy-init ca top demo stat tap edges completions version help" -f -a "proxy" -d 'Run the proxy of a workload, or of a Gateway'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and not __fish_seen_subcommand_from simulate inject uninject route policy authz check lint proxy proxy-init ca top demo stat tap edges completions version help" -f -a "proxy-init" -d 'Redirect the traffic of this network namespace to its proxy'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and not __fish_seen_subcommand_from simulate inject uninject route policy authz check lint proxy proxy-init ca top demo stat tap edges completions version help" -f -a "ca" -d 'Certificates for workloads on hosts without Kubernetes'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and not __fish_seen_subcommand_from simulate inject uninject route policy authz check lint proxy proxy-init ca top demo stat tap edges completions version help" -f -a "top" -d 'See the mesh live: rates, latencies, and which breaker is open, why and until when'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and not __fish_seen_subcommand_from simulate inject uninject route policy authz check lint proxy proxy-init ca top demo stat tap edges completions version help" -f -a "demo" -d 'Start a living mesh on this machine, to look at'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and not __fish_seen_subcommand_from simulate inject uninject route policy authz check lint proxy proxy-init ca top demo stat tap edges completions version help" -f -a "stat" -d 'Print rates, success, latencies and breakers once, for scripts'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and not __fish_seen_subcommand_from simulate inject uninject route policy authz check lint proxy proxy-init ca top demo stat tap edges completions version help" -f -a "tap" -d 'Watch requests as they end'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and not __fish_seen_subcommand_from simulate inject uninject route policy authz check lint proxy proxy-init ca top demo stat tap edges completions version help" -f -a "edges" -d 'Print who calls whom, how well, and whether mutual TLS protects it'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and not __fish_seen_subcommand_from simulate inject uninject route policy authz check lint proxy proxy-init ca top demo stat tap edges completions version help" -f -a "completions" -d 'Print the completion script of a shell'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and not __fish_seen_subcommand_from simulate inject uninject route policy authz check lint proxy proxy-init ca top demo stat tap edges completions version help" -f -a "version" -d 'Print the version and what it was built for'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and not __fish_seen_subcommand_from simulate inject uninject route policy authz check lint proxy proxy-init ca top demo stat tap edges completions version help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and __fish_seen_subcommand_from simulate" -f -a "init" -d 'Write out the scenario that would be derived from manifests, with comments, for editing'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and __fish_seen_subcommand_from route" -f -a "list" -d 'List routes by Service: who gets which requests, for whom that holds, and what never holds'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and __fish_seen_subcommand_from route" -f -a "get" -d 'Show the routes of one Service in full: rules, backends with their pods, policies, shadows'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and __fish_seen_subcommand_from route" -f -a "explain" -d 'Explain what happens to a request: rule, filters, backends with probabilities, policies, reasons'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and __fish_seen_subcommand_from route" -f -a "diff" -d 'Say what changes in behaviour between two sets of manifests: not in text, in what requests get'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and __fish_seen_subcommand_from route" -f -a "split" -d 'Divide the requests of a Service among versions: canary, blue-green, A/B'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and __fish_seen_subcommand_from route" -f -a "set" -d 'Set what a route does to requests on their way: headers, host, path'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and __fish_seen_subcommand_from route" -f -a "delete" -d 'Take routes, rules or backends away'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and __fish_seen_subcommand_from route" -f -a "mirror" -d 'Send a copy of requests to another version; its answers are thrown away'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and __fish_seen_subcommand_from route" -f -a "timeout" -d 'Bound the time of requests: all tries together, and each one'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and __fish_seen_subcommand_from route" -f -a "retry" -d 'Try failed requests again'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and __fish_seen_subcommand_from route" -f -a "shift" -d 'Move traffic to another version step by step, and back by itself when that version does badly'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and __fish_seen_subcommand_from policy" -f -a "list" -d 'List policies with the status conditions of each target (GEP-713)'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and __fish_seen_subcommand_from authz" -f -a "check" -d 'Ask whether somebody may call something, and which rule says so'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and __fish_seen_subcommand_from proxy" -f -a "wait" -d 'Wait until the proxy beside can serve'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and __fish_seen_subcommand_from ca" -f -a "init" -d 'Make an authority in a directory'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and __fish_seen_subcommand_from ca" -f -a "issue" -d 'Issue a certificate for a workload'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and __fish_seen_subcommand_from ca" -f -a "rotate" -d 'Replace the issuer of an authority, or its root'
