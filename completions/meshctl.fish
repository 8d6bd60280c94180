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
complete -c meshctl -n "__fish_meshctl_needs_command" -f -a "route" -d 'See where traffic goes, change it, and know what the change does'
complete -c meshctl -n "__fish_meshctl_needs_command" -f -a "check" -d 'Diagnose a cluster step by step, each trouble with a remedy'
complete -c meshctl -n "__fish_meshctl_needs_command" -f -a "lint" -d 'Judge manifests without running them'
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
json\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand simulate; and not __fish_seen_subcommand_from init help" -l junit -d 'Also write a JUnit XML report' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand simulate; and not __fish_seen_subcommand_from init help" -l html -d 'Also write a self-contained HTML report' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand simulate; and not __fish_seen_subcommand_from init help" -l trace -d 'Tell the story of requests across hops: the first that `failed`, or the first N' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand simulate; and not __fish_seen_subcommand_from init help" -l compare -d 'Compare with an earlier report (-o json) and say what became worse' -r -F
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
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and not __fish_seen_subcommand_from list get explain help" -l color -d 'When to use colour; NO_COLOR is honoured' -r -f -a "auto\t''
always\t''
never\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and not __fish_seen_subcommand_from list get explain help" -s q -l quiet -d 'Print data and errors only, no news'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and not __fish_seen_subcommand_from list get explain help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and not __fish_seen_subcommand_from list get explain help" -f -a "list" -d 'List routes by Service: who gets which requests, for whom that holds, and what never holds'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and not __fish_seen_subcommand_from list get explain help" -f -a "get" -d 'Show the routes of one Service in full: rules, backends with their pods, policies, shadows'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and not __fish_seen_subcommand_from list get explain help" -f -a "explain" -d 'Explain what happens to a request: rule, filters, backends with probabilities, policies, reasons'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and not __fish_seen_subcommand_from list get explain help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from list" -s f -l filename -d 'Manifests: files, directories, or `-` for standard input' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from list" -s n -l namespace -d 'The namespace of names without one' -r
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
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from help" -f -a "list" -d 'List routes by Service: who gets which requests, for whom that holds, and what never holds'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from help" -f -a "get" -d 'Show the routes of one Service in full: rules, backends with their pods, policies, shadows'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from help" -f -a "explain" -d 'Explain what happens to a request: rule, filters, backends with probabilities, policies, reasons'
complete -c meshctl -n "__fish_meshctl_using_subcommand route; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
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
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and not __fish_seen_subcommand_from simulate route check lint completions version help" -f -a "simulate" -d 'Run a mesh offline: real proxies, your manifests, virtual time'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and not __fish_seen_subcommand_from simulate route check lint completions version help" -f -a "route" -d 'See where traffic goes, change it, and know what the change does'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and not __fish_seen_subcommand_from simulate route check lint completions version help" -f -a "check" -d 'Diagnose a cluster step by step, each trouble with a remedy'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and not __fish_seen_subcommand_from simulate route check lint completions version help" -f -a "lint" -d 'Judge manifests without running them'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and not __fish_seen_subcommand_from simulate route check lint completions version help" -f -a "completions" -d 'Print the completion script of a shell'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and not __fish_seen_subcommand_from simulate route check lint completions version help" -f -a "version" -d 'Print the version and what it was built for'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and not __fish_seen_subcommand_from simulate route check lint completions version help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and __fish_seen_subcommand_from simulate" -f -a "init" -d 'Write out the scenario that would be derived from manifests, with comments, for editing'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and __fish_seen_subcommand_from route" -f -a "list" -d 'List routes by Service: who gets which requests, for whom that holds, and what never holds'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and __fish_seen_subcommand_from route" -f -a "get" -d 'Show the routes of one Service in full: rules, backends with their pods, policies, shadows'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and __fish_seen_subcommand_from route" -f -a "explain" -d 'Explain what happens to a request: rule, filters, backends with probabilities, policies, reasons'
