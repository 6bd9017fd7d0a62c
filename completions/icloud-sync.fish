# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_icloud_sync_global_optspecs
    string join \n v/verbose q/quiet env-file= h/help V/version
end

function __fish_icloud_sync_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_icloud_sync_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_icloud_sync_using_subcommand
    set -l cmd (__fish_icloud_sync_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c icloud-sync -n "__fish_icloud_sync_needs_command" -l env-file -d 'Read settings from FILE instead of ./.env' -r -F
complete -c icloud-sync -n "__fish_icloud_sync_needs_command" -s v -l verbose -d 'Say more: -v names each file and gives reasons, -vv tells of retries, -vvv of each request'
complete -c icloud-sync -n "__fish_icloud_sync_needs_command" -s q -l quiet -d 'Say nothing but problems'
complete -c icloud-sync -n "__fish_icloud_sync_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c icloud-sync -n "__fish_icloud_sync_needs_command" -s V -l version -d 'Print version'
complete -c icloud-sync -n "__fish_icloud_sync_needs_command" -f -a "login" -d 'Sign in to an Apple account'
complete -c icloud-sync -n "__fish_icloud_sync_needs_command" -f -a "logout" -d 'Sign out, and forget the session'
complete -c icloud-sync -n "__fish_icloud_sync_needs_command" -f -a "status" -d 'Show the account, the session, and each pair\'s last pass'
complete -c icloud-sync -n "__fish_icloud_sync_needs_command" -f -a "ls" -d 'List a folder of iCloud Drive'
complete -c icloud-sync -n "__fish_icloud_sync_needs_command" -f -a "pull" -d 'Copy from iCloud to this machine'
complete -c icloud-sync -n "__fish_icloud_sync_needs_command" -f -a "push" -d 'Copy from this machine to iCloud'
complete -c icloud-sync -n "__fish_icloud_sync_needs_command" -f -a "bisync" -d 'Keep both sides in step (two-way)'
complete -c icloud-sync -n "__fish_icloud_sync_needs_command" -f -a "check" -d 'Compare both sides without transferring anything'
complete -c icloud-sync -n "__fish_icloud_sync_needs_command" -f -a "trash" -d 'List iCloud\'s Recently Deleted, or put something back from it'
complete -c icloud-sync -n "__fish_icloud_sync_needs_command" -f -a "undo" -d 'Take back what a pass did'
complete -c icloud-sync -n "__fish_icloud_sync_needs_command" -f -a "explain" -d 'Say why a path is treated as it is'
complete -c icloud-sync -n "__fish_icloud_sync_needs_command" -f -a "service" -d 'Run passes by systemd: print, install or remove units of the user'
complete -c icloud-sync -n "__fish_icloud_sync_needs_command" -f -a "doctor" -d 'Say what works here and what does not, in a report without secrets'
complete -c icloud-sync -n "__fish_icloud_sync_needs_command" -f -a "demo" -d 'Take the tour: everything on a made-up iCloud, no Apple account'
complete -c icloud-sync -n "__fish_icloud_sync_needs_command" -f -a "emulator" -d 'Run a local iCloud for trying and testing'
complete -c icloud-sync -n "__fish_icloud_sync_needs_command" -f -a "completions" -d 'Print the completions for a shell'
complete -c icloud-sync -n "__fish_icloud_sync_needs_command" -f -a "man" -d 'Print the manual page'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand login" -l account -d 'Apple account to use, if more than one is signed in' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand login" -l region -d 'Where the account is at home: global or china' -r -f -a "global\t'icloud.com, everywhere but mainland China'
china\t'icloud.com.cn, mainland China'"
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand login" -l code -d 'The code of the second factor, instead of a prompt' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand login" -l env-file -d 'Read settings from FILE instead of ./.env' -r -F
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand login" -l sms -d 'Get the code as a text message, not on a trusted device'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand login" -l voice -d 'Get the code by a phone call'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand login" -l relogin -d 'Sign in anew, even though a session is there'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand login" -s v -l verbose -d 'Say more: -v names each file and gives reasons, -vv tells of retries, -vvv of each request'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand login" -s q -l quiet -d 'Say nothing but problems'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand login" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand logout" -l account -d 'Apple account to use, if more than one is signed in' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand logout" -l region -d 'Where the account is at home: global or china' -r -f -a "global\t'icloud.com, everywhere but mainland China'
china\t'icloud.com.cn, mainland China'"
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand logout" -l env-file -d 'Read settings from FILE instead of ./.env' -r -F
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand logout" -l forget-password -d 'Also remove the password from the keyring'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand logout" -s v -l verbose -d 'Say more: -v names each file and gives reasons, -vv tells of retries, -vvv of each request'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand logout" -s q -l quiet -d 'Say nothing but problems'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand logout" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand status" -l account -d 'Apple account to use, if more than one is signed in' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand status" -l region -d 'Where the account is at home: global or china' -r -f -a "global\t'icloud.com, everywhere but mainland China'
china\t'icloud.com.cn, mainland China'"
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand status" -l env-file -d 'Read settings from FILE instead of ./.env' -r -F
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand status" -l config -d 'Show each setting, its value and where that comes from, instead'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand status" -l json -d 'Print JSON, one object a line'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand status" -s v -l verbose -d 'Say more: -v names each file and gives reasons, -vv tells of retries, -vvv of each request'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand status" -s q -l quiet -d 'Say nothing but problems'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand ls" -l account -d 'Apple account to use, if more than one is signed in' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand ls" -l region -d 'Where the account is at home: global or china' -r -f -a "global\t'icloud.com, everywhere but mainland China'
china\t'icloud.com.cn, mainland China'"
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand ls" -l max-rate -d 'At most N requests a second to iCloud; 0: no bound [default: 100]' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand ls" -l env-file -d 'Read settings from FILE instead of ./.env' -r -F
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand ls" -s R -l recursive -d 'List the folders in it as well, and all that is in them'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand ls" -s l -l long -d 'Show kind, size and time of each item'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand ls" -l json -d 'Print JSON, one object a line'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand ls" -l relogin -d 'Sign in anew, even though a session is there'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand ls" -l no-auto-reauth -d 'Never sign in by itself when the session has ended'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand ls" -s v -l verbose -d 'Say more: -v names each file and gives reasons, -vv tells of retries, -vvv of each request'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand ls" -s q -l quiet -d 'Say nothing but problems'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand ls" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand pull" -l stats-interval -d 'Say every so many seconds how far the pass is; 0: never [default: 0]' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand pull" -l include -d 'Sync only what matches GLOB (may be repeated; a comma separates too)' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand pull" -l exclude -d 'Leave out what matches GLOB (may be repeated; a comma separates too)' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand pull" -l ignore -d 'As --exclude, and stronger than any other pattern' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand pull" -l filter-from -d 'Read patterns from FILE, in the syntax of .gitignore' -r -F
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand pull" -l links -d 'What to do with symbolic links [default: skip]' -r -f -a "skip\t'Skipped, and counted'
follow\t'What it points at, if that is inside LOCAL and no loop'"
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand pull" -l shares -d 'What to do with what others share with you [default: read]' -r -f -a "read\t'Received; what is changed in it here is left alone and told of'
write\t'Received and sent: new items, changes and new names; nothing is deleted in it'
skip\t'Skipped, and counted'"
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand pull" -l max-delete -d 'Stop before anything is done if more than N files, or N% of them, would be deleted' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand pull" -l trash-days -d 'Empty the local trash of what is older than N days; 0: never [default: 30]' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand pull" -l conflict -d 'Who wins if both sides changed a file [default: prefer-newer]' -r -f -a "prefer-newer\t'The one modified later; both are kept if the times are within a second'
prefer-local\t'The one on this machine'
prefer-remote\t'The one in iCloud'
keep-both\t'Both: the local one gets a name with `.conflict-` and its time'"
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand pull" -l transfers -d 'Most files transferred at once [default: 32]' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand pull" -l listers -d 'Most listing requests at once [default: 8]' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand pull" -l bwlimit -d 'At most RATE bytes a second for contents, such as 500K or 1.5M' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand pull" -l max-downloads -d 'Download at most N files in this pass; 0: no bound' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand pull" -l min-free -d 'Begin no download that would leave less than SIZE free; 0: no bound [default: 64M]' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand pull" -l op-delay -d 'Wait MS milliseconds before each action [default: 0]' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand pull" -l interval -d 'Seconds between two passes of --watch, 5 or more [default: 300]' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand pull" -l hook -d 'Run CMD when a person is needed and nobody is at the terminal' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand pull" -l metrics-host -d 'Address for --metrics-http [default: 127.0.0.1]' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand pull" -l metrics-port -d 'Port for --metrics-http [default: 8787]' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand pull" -l metrics-path -d 'Path for --metrics-http [default: /metrics]' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand pull" -l account -d 'Apple account to use, if more than one is signed in' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand pull" -l region -d 'Where the account is at home: global or china' -r -f -a "global\t'icloud.com, everywhere but mainland China'
china\t'icloud.com.cn, mainland China'"
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand pull" -l max-rate -d 'At most N requests a second to iCloud; 0: no bound [default: 100]' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand pull" -l env-file -d 'Read settings from FILE instead of ./.env' -r -F
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand pull" -s n -l dry-run -d 'Print what would be done, and do nothing'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand pull" -l no-remote -d 'Print what would be pushed, without asking iCloud anything'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand pull" -l json -d 'Print JSON, one object a line; the last is the summary'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand pull" -l verbose-decisions -d 'Say why each item that is not the same on both sides is treated as it is'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand pull" -l progress-summary -d 'Say at the end what was done by kind, and how fast'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand pull" -l no-default-ignores -d 'Do not leave out .DS_Store, ._* and other litter of macOS'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand pull" -l force -d 'Let this pass through the guards against mass deletion and mass change'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand pull" -l checksum -d 'Compare by content wherever size and time leave a doubt'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand pull" -l watch -d 'Run the pass again and again, until SIGTERM or Ctrl-C'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand pull" -l once -d 'Run one pass, even though the config file says `watch = true`'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand pull" -l metrics-http -d 'Serve numbers about the passes of --watch over HTTP'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand pull" -l relogin -d 'Sign in anew, even though a session is there'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand pull" -l no-auto-reauth -d 'Never sign in by itself when the session has ended'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand pull" -l delete -d 'Remove what the source side has deleted since the last pass'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand pull" -l delete-extra -d 'Remove all that the source side does not have: a mirror'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand pull" -s v -l verbose -d 'Say more: -v names each file and gives reasons, -vv tells of retries, -vvv of each request'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand pull" -s q -l quiet -d 'Say nothing but problems'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand pull" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand push" -l stats-interval -d 'Say every so many seconds how far the pass is; 0: never [default: 0]' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand push" -l include -d 'Sync only what matches GLOB (may be repeated; a comma separates too)' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand push" -l exclude -d 'Leave out what matches GLOB (may be repeated; a comma separates too)' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand push" -l ignore -d 'As --exclude, and stronger than any other pattern' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand push" -l filter-from -d 'Read patterns from FILE, in the syntax of .gitignore' -r -F
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand push" -l links -d 'What to do with symbolic links [default: skip]' -r -f -a "skip\t'Skipped, and counted'
follow\t'What it points at, if that is inside LOCAL and no loop'"
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand push" -l shares -d 'What to do with what others share with you [default: read]' -r -f -a "read\t'Received; what is changed in it here is left alone and told of'
write\t'Received and sent: new items, changes and new names; nothing is deleted in it'
skip\t'Skipped, and counted'"
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand push" -l max-delete -d 'Stop before anything is done if more than N files, or N% of them, would be deleted' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand push" -l trash-days -d 'Empty the local trash of what is older than N days; 0: never [default: 30]' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand push" -l conflict -d 'Who wins if both sides changed a file [default: prefer-newer]' -r -f -a "prefer-newer\t'The one modified later; both are kept if the times are within a second'
prefer-local\t'The one on this machine'
prefer-remote\t'The one in iCloud'
keep-both\t'Both: the local one gets a name with `.conflict-` and its time'"
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand push" -l transfers -d 'Most files transferred at once [default: 32]' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand push" -l listers -d 'Most listing requests at once [default: 8]' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand push" -l bwlimit -d 'At most RATE bytes a second for contents, such as 500K or 1.5M' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand push" -l max-downloads -d 'Download at most N files in this pass; 0: no bound' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand push" -l min-free -d 'Begin no download that would leave less than SIZE free; 0: no bound [default: 64M]' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand push" -l op-delay -d 'Wait MS milliseconds before each action [default: 0]' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand push" -l interval -d 'Seconds between two passes of --watch, 5 or more [default: 300]' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand push" -l hook -d 'Run CMD when a person is needed and nobody is at the terminal' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand push" -l metrics-host -d 'Address for --metrics-http [default: 127.0.0.1]' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand push" -l metrics-port -d 'Port for --metrics-http [default: 8787]' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand push" -l metrics-path -d 'Path for --metrics-http [default: /metrics]' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand push" -l account -d 'Apple account to use, if more than one is signed in' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand push" -l region -d 'Where the account is at home: global or china' -r -f -a "global\t'icloud.com, everywhere but mainland China'
china\t'icloud.com.cn, mainland China'"
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand push" -l max-rate -d 'At most N requests a second to iCloud; 0: no bound [default: 100]' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand push" -l env-file -d 'Read settings from FILE instead of ./.env' -r -F
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand push" -s n -l dry-run -d 'Print what would be done, and do nothing'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand push" -l no-remote -d 'Print what would be pushed, without asking iCloud anything'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand push" -l json -d 'Print JSON, one object a line; the last is the summary'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand push" -l verbose-decisions -d 'Say why each item that is not the same on both sides is treated as it is'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand push" -l progress-summary -d 'Say at the end what was done by kind, and how fast'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand push" -l no-default-ignores -d 'Do not leave out .DS_Store, ._* and other litter of macOS'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand push" -l force -d 'Let this pass through the guards against mass deletion and mass change'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand push" -l checksum -d 'Compare by content wherever size and time leave a doubt'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand push" -l watch -d 'Run the pass again and again, until SIGTERM or Ctrl-C'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand push" -l once -d 'Run one pass, even though the config file says `watch = true`'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand push" -l metrics-http -d 'Serve numbers about the passes of --watch over HTTP'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand push" -l relogin -d 'Sign in anew, even though a session is there'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand push" -l no-auto-reauth -d 'Never sign in by itself when the session has ended'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand push" -l delete -d 'Remove what the source side has deleted since the last pass'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand push" -l delete-extra -d 'Remove all that the source side does not have: a mirror'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand push" -s v -l verbose -d 'Say more: -v names each file and gives reasons, -vv tells of retries, -vvv of each request'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand push" -s q -l quiet -d 'Say nothing but problems'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand push" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand bisync" -l stats-interval -d 'Say every so many seconds how far the pass is; 0: never [default: 0]' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand bisync" -l include -d 'Sync only what matches GLOB (may be repeated; a comma separates too)' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand bisync" -l exclude -d 'Leave out what matches GLOB (may be repeated; a comma separates too)' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand bisync" -l ignore -d 'As --exclude, and stronger than any other pattern' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand bisync" -l filter-from -d 'Read patterns from FILE, in the syntax of .gitignore' -r -F
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand bisync" -l links -d 'What to do with symbolic links [default: skip]' -r -f -a "skip\t'Skipped, and counted'
follow\t'What it points at, if that is inside LOCAL and no loop'"
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand bisync" -l shares -d 'What to do with what others share with you [default: read]' -r -f -a "read\t'Received; what is changed in it here is left alone and told of'
write\t'Received and sent: new items, changes and new names; nothing is deleted in it'
skip\t'Skipped, and counted'"
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand bisync" -l max-delete -d 'Stop before anything is done if more than N files, or N% of them, would be deleted' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand bisync" -l trash-days -d 'Empty the local trash of what is older than N days; 0: never [default: 30]' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand bisync" -l conflict -d 'Who wins if both sides changed a file [default: prefer-newer]' -r -f -a "prefer-newer\t'The one modified later; both are kept if the times are within a second'
prefer-local\t'The one on this machine'
prefer-remote\t'The one in iCloud'
keep-both\t'Both: the local one gets a name with `.conflict-` and its time'"
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand bisync" -l transfers -d 'Most files transferred at once [default: 32]' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand bisync" -l listers -d 'Most listing requests at once [default: 8]' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand bisync" -l bwlimit -d 'At most RATE bytes a second for contents, such as 500K or 1.5M' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand bisync" -l max-downloads -d 'Download at most N files in this pass; 0: no bound' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand bisync" -l min-free -d 'Begin no download that would leave less than SIZE free; 0: no bound [default: 64M]' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand bisync" -l op-delay -d 'Wait MS milliseconds before each action [default: 0]' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand bisync" -l interval -d 'Seconds between two passes of --watch, 5 or more [default: 300]' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand bisync" -l hook -d 'Run CMD when a person is needed and nobody is at the terminal' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand bisync" -l metrics-host -d 'Address for --metrics-http [default: 127.0.0.1]' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand bisync" -l metrics-port -d 'Port for --metrics-http [default: 8787]' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand bisync" -l metrics-path -d 'Path for --metrics-http [default: /metrics]' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand bisync" -l account -d 'Apple account to use, if more than one is signed in' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand bisync" -l region -d 'Where the account is at home: global or china' -r -f -a "global\t'icloud.com, everywhere but mainland China'
china\t'icloud.com.cn, mainland China'"
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand bisync" -l max-rate -d 'At most N requests a second to iCloud; 0: no bound [default: 100]' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand bisync" -l env-file -d 'Read settings from FILE instead of ./.env' -r -F
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand bisync" -s n -l dry-run -d 'Print what would be done, and do nothing'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand bisync" -l no-remote -d 'Print what would be pushed, without asking iCloud anything'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand bisync" -l json -d 'Print JSON, one object a line; the last is the summary'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand bisync" -l verbose-decisions -d 'Say why each item that is not the same on both sides is treated as it is'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand bisync" -l progress-summary -d 'Say at the end what was done by kind, and how fast'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand bisync" -l no-default-ignores -d 'Do not leave out .DS_Store, ._* and other litter of macOS'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand bisync" -l force -d 'Let this pass through the guards against mass deletion and mass change'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand bisync" -l checksum -d 'Compare by content wherever size and time leave a doubt'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand bisync" -l watch -d 'Run the pass again and again, until SIGTERM or Ctrl-C'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand bisync" -l once -d 'Run one pass, even though the config file says `watch = true`'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand bisync" -l metrics-http -d 'Serve numbers about the passes of --watch over HTTP'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand bisync" -l relogin -d 'Sign in anew, even though a session is there'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand bisync" -l no-auto-reauth -d 'Never sign in by itself when the session has ended'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand bisync" -s v -l verbose -d 'Say more: -v names each file and gives reasons, -vv tells of retries, -vvv of each request'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand bisync" -s q -l quiet -d 'Say nothing but problems'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand bisync" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand check" -l include -d 'Sync only what matches GLOB (may be repeated; a comma separates too)' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand check" -l exclude -d 'Leave out what matches GLOB (may be repeated; a comma separates too)' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand check" -l ignore -d 'As --exclude, and stronger than any other pattern' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand check" -l filter-from -d 'Read patterns from FILE, in the syntax of .gitignore' -r -F
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand check" -l links -d 'What to do with symbolic links [default: skip]' -r -f -a "skip\t'Skipped, and counted'
follow\t'What it points at, if that is inside LOCAL and no loop'"
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand check" -l shares -d 'What to do with what others share with you [default: read]' -r -f -a "read\t'Received; what is changed in it here is left alone and told of'
write\t'Received and sent: new items, changes and new names; nothing is deleted in it'
skip\t'Skipped, and counted'"
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand check" -l listers -d 'Most listing requests at once [default: 8]' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand check" -l account -d 'Apple account to use, if more than one is signed in' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand check" -l region -d 'Where the account is at home: global or china' -r -f -a "global\t'icloud.com, everywhere but mainland China'
china\t'icloud.com.cn, mainland China'"
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand check" -l max-rate -d 'At most N requests a second to iCloud; 0: no bound [default: 100]' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand check" -l env-file -d 'Read settings from FILE instead of ./.env' -r -F
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand check" -l json -d 'Print JSON, one object a line; the last is the summary'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand check" -l no-default-ignores -d 'Do not leave out .DS_Store, ._* and other litter of macOS'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand check" -l relogin -d 'Sign in anew, even though a session is there'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand check" -l no-auto-reauth -d 'Never sign in by itself when the session has ended'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand check" -s v -l verbose -d 'Say more: -v names each file and gives reasons, -vv tells of retries, -vvv of each request'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand check" -s q -l quiet -d 'Say nothing but problems'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand trash; and not __fish_seen_subcommand_from list restore" -l env-file -d 'Read settings from FILE instead of ./.env' -r -F
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand trash; and not __fish_seen_subcommand_from list restore" -s v -l verbose -d 'Say more: -v names each file and gives reasons, -vv tells of retries, -vvv of each request'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand trash; and not __fish_seen_subcommand_from list restore" -s q -l quiet -d 'Say nothing but problems'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand trash; and not __fish_seen_subcommand_from list restore" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand trash; and not __fish_seen_subcommand_from list restore" -f -a "list" -d 'List what is in Recently Deleted, by where it was'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand trash; and not __fish_seen_subcommand_from list restore" -f -a "restore" -d 'Put items back to where they were'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand trash; and __fish_seen_subcommand_from list" -l account -d 'Apple account to use, if more than one is signed in' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand trash; and __fish_seen_subcommand_from list" -l region -d 'Where the account is at home: global or china' -r -f -a "global\t'icloud.com, everywhere but mainland China'
china\t'icloud.com.cn, mainland China'"
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand trash; and __fish_seen_subcommand_from list" -l max-rate -d 'At most N requests a second to iCloud; 0: no bound [default: 100]' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand trash; and __fish_seen_subcommand_from list" -l env-file -d 'Read settings from FILE instead of ./.env' -r -F
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand trash; and __fish_seen_subcommand_from list" -s l -l long -d 'Show kind, size, the day it expires, and id of each item'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand trash; and __fish_seen_subcommand_from list" -l json -d 'Print JSON, one object a line'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand trash; and __fish_seen_subcommand_from list" -l relogin -d 'Sign in anew, even though a session is there'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand trash; and __fish_seen_subcommand_from list" -l no-auto-reauth -d 'Never sign in by itself when the session has ended'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand trash; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Say more: -v names each file and gives reasons, -vv tells of retries, -vvv of each request'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand trash; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Say nothing but problems'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand trash; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand trash; and __fish_seen_subcommand_from restore" -l account -d 'Apple account to use, if more than one is signed in' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand trash; and __fish_seen_subcommand_from restore" -l region -d 'Where the account is at home: global or china' -r -f -a "global\t'icloud.com, everywhere but mainland China'
china\t'icloud.com.cn, mainland China'"
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand trash; and __fish_seen_subcommand_from restore" -l max-rate -d 'At most N requests a second to iCloud; 0: no bound [default: 100]' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand trash; and __fish_seen_subcommand_from restore" -l env-file -d 'Read settings from FILE instead of ./.env' -r -F
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand trash; and __fish_seen_subcommand_from restore" -l json -d 'Print JSON, one object a line; the last is the summary'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand trash; and __fish_seen_subcommand_from restore" -l relogin -d 'Sign in anew, even though a session is there'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand trash; and __fish_seen_subcommand_from restore" -l no-auto-reauth -d 'Never sign in by itself when the session has ended'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand trash; and __fish_seen_subcommand_from restore" -s v -l verbose -d 'Say more: -v names each file and gives reasons, -vv tells of retries, -vvv of each request'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand trash; and __fish_seen_subcommand_from restore" -s q -l quiet -d 'Say nothing but problems'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand trash; and __fish_seen_subcommand_from restore" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand undo" -l local -d 'Folder on this machine, or @NAME for a pair of the config file [default: ~/iCloud]' -r -F
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand undo" -l remote -d 'Folder of iCloud Drive, such as /Documents/Work [default: /]' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand undo" -l account -d 'Apple account to use, if more than one is signed in' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand undo" -l region -d 'Where the account is at home: global or china' -r -f -a "global\t'icloud.com, everywhere but mainland China'
china\t'icloud.com.cn, mainland China'"
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand undo" -l max-rate -d 'At most N requests a second to iCloud; 0: no bound [default: 100]' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand undo" -l env-file -d 'Read settings from FILE instead of ./.env' -r -F
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand undo" -l list -d 'List the passes that can be taken back, oldest first, and do nothing'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand undo" -s n -l dry-run -d 'Print what would be taken back, and do nothing'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand undo" -l json -d 'Print JSON, one object a line; the last is the summary'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand undo" -l relogin -d 'Sign in anew, even though a session is there'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand undo" -l no-auto-reauth -d 'Never sign in by itself when the session has ended'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand undo" -s v -l verbose -d 'Say more: -v names each file and gives reasons, -vv tells of retries, -vvv of each request'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand undo" -s q -l quiet -d 'Say nothing but problems'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand undo" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand explain" -l local -d 'Folder on this machine, or @NAME for a pair of the config file [default: ~/iCloud]' -r -F
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand explain" -l remote -d 'Folder of iCloud Drive, such as /Documents/Work [default: /]' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand explain" -l verb -d 'Which way the pass would go [default: bisync]' -r -f -a "pull\t'From iCloud to this machine'
push\t'From this machine to iCloud'
bisync\t'Both ways'"
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand explain" -l include -d 'Sync only what matches GLOB (may be repeated; a comma separates too)' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand explain" -l exclude -d 'Leave out what matches GLOB (may be repeated; a comma separates too)' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand explain" -l ignore -d 'As --exclude, and stronger than any other pattern' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand explain" -l filter-from -d 'Read patterns from FILE, in the syntax of .gitignore' -r -F
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand explain" -l links -d 'What to do with symbolic links [default: skip]' -r -f -a "skip\t'Skipped, and counted'
follow\t'What it points at, if that is inside LOCAL and no loop'"
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand explain" -l shares -d 'What to do with what others share with you [default: read]' -r -f -a "read\t'Received; what is changed in it here is left alone and told of'
write\t'Received and sent: new items, changes and new names; nothing is deleted in it'
skip\t'Skipped, and counted'"
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand explain" -l conflict -d 'Who wins if both sides changed a file [default: prefer-newer]' -r -f -a "prefer-newer\t'The one modified later; both are kept if the times are within a second'
prefer-local\t'The one on this machine'
prefer-remote\t'The one in iCloud'
keep-both\t'Both: the local one gets a name with `.conflict-` and its time'"
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand explain" -l account -d 'Apple account to use, if more than one is signed in' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand explain" -l region -d 'Where the account is at home: global or china' -r -f -a "global\t'icloud.com, everywhere but mainland China'
china\t'icloud.com.cn, mainland China'"
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand explain" -l max-rate -d 'At most N requests a second to iCloud; 0: no bound [default: 100]' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand explain" -l env-file -d 'Read settings from FILE instead of ./.env' -r -F
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand explain" -l json -d 'Print one JSON object'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand explain" -l no-default-ignores -d 'Do not leave out .DS_Store, ._* and other litter of macOS'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand explain" -l relogin -d 'Sign in anew, even though a session is there'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand explain" -l no-auto-reauth -d 'Never sign in by itself when the session has ended'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand explain" -s v -l verbose -d 'Say more: -v names each file and gives reasons, -vv tells of retries, -vvv of each request'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand explain" -s q -l quiet -d 'Say nothing but problems'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand explain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand service; and not __fish_seen_subcommand_from print install remove" -l env-file -d 'Read settings from FILE instead of ./.env' -r -F
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand service; and not __fish_seen_subcommand_from print install remove" -s v -l verbose -d 'Say more: -v names each file and gives reasons, -vv tells of retries, -vvv of each request'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand service; and not __fish_seen_subcommand_from print install remove" -s q -l quiet -d 'Say nothing but problems'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand service; and not __fish_seen_subcommand_from print install remove" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand service; and not __fish_seen_subcommand_from print install remove" -f -a "print" -d 'Print the units, and change nothing'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand service; and not __fish_seen_subcommand_from print install remove" -f -a "install" -d 'Write the units below ~/.config/systemd/user, and start them'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand service; and not __fish_seen_subcommand_from print install remove" -f -a "remove" -d 'Stop the units, and remove their files'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand service; and __fish_seen_subcommand_from print" -l name -d 'Name of the units; without it the pair\'s, or that of LOCAL' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand service; and __fish_seen_subcommand_from print" -l verb -d 'Which way [default: bisync]' -r -f -a "pull\t'From iCloud to this machine'
push\t'From this machine to iCloud'
bisync\t'Both ways'"
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand service; and __fish_seen_subcommand_from print" -l interval -d 'Seconds between two passes, 5 or more [default: 300]' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand service; and __fish_seen_subcommand_from print" -l env-file -d 'Read settings from FILE instead of ./.env' -r -F
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand service; and __fish_seen_subcommand_from print" -l watch -d 'One process that stays, in place of a timer'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand service; and __fish_seen_subcommand_from print" -s v -l verbose -d 'Say more: -v names each file and gives reasons, -vv tells of retries, -vvv of each request'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand service; and __fish_seen_subcommand_from print" -s q -l quiet -d 'Say nothing but problems'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand service; and __fish_seen_subcommand_from print" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand service; and __fish_seen_subcommand_from install" -l name -d 'Name of the units; without it the pair\'s, or that of LOCAL' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand service; and __fish_seen_subcommand_from install" -l verb -d 'Which way [default: bisync]' -r -f -a "pull\t'From iCloud to this machine'
push\t'From this machine to iCloud'
bisync\t'Both ways'"
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand service; and __fish_seen_subcommand_from install" -l interval -d 'Seconds between two passes, 5 or more [default: 300]' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand service; and __fish_seen_subcommand_from install" -l env-file -d 'Read settings from FILE instead of ./.env' -r -F
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand service; and __fish_seen_subcommand_from install" -l watch -d 'One process that stays, in place of a timer'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand service; and __fish_seen_subcommand_from install" -s v -l verbose -d 'Say more: -v names each file and gives reasons, -vv tells of retries, -vvv of each request'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand service; and __fish_seen_subcommand_from install" -s q -l quiet -d 'Say nothing but problems'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand service; and __fish_seen_subcommand_from install" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand service; and __fish_seen_subcommand_from remove" -l name -d 'Name of the units; without it the pair\'s, or that of LOCAL' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand service; and __fish_seen_subcommand_from remove" -l env-file -d 'Read settings from FILE instead of ./.env' -r -F
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand service; and __fish_seen_subcommand_from remove" -s v -l verbose -d 'Say more: -v names each file and gives reasons, -vv tells of retries, -vvv of each request'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand service; and __fish_seen_subcommand_from remove" -s q -l quiet -d 'Say nothing but problems'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand service; and __fish_seen_subcommand_from remove" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand doctor" -l local -d 'Folder on this machine, or @NAME for a pair of the config file [default: ~/iCloud]' -r -F
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand doctor" -l account -d 'Apple account to use, if more than one is signed in' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand doctor" -l region -d 'Where the account is at home: global or china' -r -f -a "global\t'icloud.com, everywhere but mainland China'
china\t'icloud.com.cn, mainland China'"
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand doctor" -l env-file -d 'Read settings from FILE instead of ./.env' -r -F
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand doctor" -l probe -d 'Also find out what iCloud takes, and keep what passes can use'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand doctor" -l json -d 'Print JSON, one object a line; the last is the summary'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand doctor" -s v -l verbose -d 'Say more: -v names each file and gives reasons, -vv tells of retries, -vvv of each request'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand doctor" -s q -l quiet -d 'Say nothing but problems'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand doctor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand demo" -l env-file -d 'Read settings from FILE instead of ./.env' -r -F
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand demo" -s v -l verbose -d 'Say more: -v names each file and gives reasons, -vv tells of retries, -vvv of each request'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand demo" -s q -l quiet -d 'Say nothing but problems'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand demo" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand emulator" -l listen -d 'Address to listen on; port 0 takes a free one [default: 127.0.0.1:0]' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand emulator" -l data -d 'Keep accounts and files in DIR, over restarts' -r -F
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand emulator" -l proxy -d 'Also be an HTTPS proxy for iCloud\'s host names, with its own CA' -r
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand emulator" -l env-file -d 'Read settings from FILE instead of ./.env' -r -F
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand emulator" -l json -d 'Print the addresses and accounts as one line of JSON'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand emulator" -s v -l verbose -d 'Say more: -v names each file and gives reasons, -vv tells of retries, -vvv of each request'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand emulator" -s q -l quiet -d 'Say nothing but problems'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand emulator" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand completions" -l env-file -d 'Read settings from FILE instead of ./.env' -r -F
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand completions" -s v -l verbose -d 'Say more: -v names each file and gives reasons, -vv tells of retries, -vvv of each request'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand completions" -s q -l quiet -d 'Say nothing but problems'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand man" -l env-file -d 'Read settings from FILE instead of ./.env' -r -F
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand man" -s v -l verbose -d 'Say more: -v names each file and gives reasons, -vv tells of retries, -vvv of each request'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand man" -s q -l quiet -d 'Say nothing but problems'
complete -c icloud-sync -n "__fish_icloud_sync_using_subcommand man" -s h -l help -d 'Print help (see more with \'--help\')'
