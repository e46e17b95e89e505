/// The shell script that runs one task on a node, whatever the engine.
enum TaskScript {
    /// Its name in the campaign's folder.
    static let name = "task.sh"

    /// Exit codes of commands that another try would only repeat: usage, bad data.
    static let finalCodes = [64, 65]

    /// The script, which runs a task at most `retries` times more.
    static func text(retries: Int) -> String {
        return """
            #!/bin/sh
            # task.sh STAGE [NUMBER]: runs the command in line NUMBER of stages/STAGE.tasks, by default that
            # of a Kubernetes Job's index, which counts from 0.
            #
            # A line of that list is: what is there when the task is done, the output that makes it
            # needless, and the command for a shell, separated by tabs. Change commands there.
            # state/STAGE/NUMBER.running, .failed and .done tell what became of it, logs/ what was said.
            # Under Slurm a task that fails is queued again, RETRIES times at the most; a Kubernetes Job
            # does the same by itself. Exit codes 64 and 65 (usage, bad data) are not tried again.
            set -u
            RETRIES=${INGOT_RETRIES:-\(retries)}
            here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd) || exit 74
            stage=$1
            number=${2:-$((JOB_COMPLETION_INDEX + 1))}
            state=$here/state/$stage
            log=$here/logs/$stage-$number.log

            \(body)
            """
    }

    private static let body = #"""
        # One line about the task, whole or not at all.
        record() { # KIND, further JSON members
          printf '{"host": "%s", "job": "%s", "attempt": %d, "started": %d%s}\n' \
            "$host" "$job" "$attempt" "$started" "${2-}" >"$state/$number.$1.$$" \
            && mv -f "$state/$number.$1.$$" "$state/$number.$1" && return 0
          rm -f "$state/$number.$1.$$"
          return 1
        }

        say() { printf '%s\n' "$stage $number: $1" | tee -a "$log" >&2; }

        # Ends the task; it is tried again unless that would not help.
        give_up() { # EXIT_CODE REASON
          [ -z "$2" ] || say "$2"
          again=false
          if [ "$attempt" -le "$RETRIES" ]; then
            case $1 in 64 | 65) ;; *) again=true ;; esac
          fi
          # Tries that cannot be counted would never end.
          record failed ", \"exit\": $1, \"finished\": $(date +%s), \"again\": $again" || {
            again=false
            say "$state cannot be written: not tried again by itself"
          }
          rm -f "$state/$number.running"
          if [ $again = true ] && [ -n "${SLURM_JOB_ID-}" ]; then
            say "exit code $1, attempt $attempt: queued again"
            # Slurm ends this script when it has taken the task back.
            scontrol requeue "$SLURM_JOB_ID" && sleep 60
          fi
          exit "$1"
        }

        mkdir -p "$state" "$here/logs" || exit 74
        host=$(printf %s "${SLURMD_NODENAME:-$(hostname)}" | tr -cd 'A-Za-z0-9._-')
        job=${SLURM_JOB_ID-}
        started=$(date +%s)
        attempt=1
        if [ -f "$state/$number.failed" ]; then
          attempt=$(($(sed -n 's/.*"attempt": \([0-9]*\).*/\1/p' "$state/$number.failed") + 1))
        fi

        line=$(sed -n "${number}p" "$here/stages/$stage.tasks")
        tab=$(printf '\t')
        output=${line%%"$tab"*}
        rest=${line#*"$tab"}
        final=${rest%%"$tab"*}
        command=${rest#*"$tab"}
        [ -n "$line" ] || give_up 64 "stages/$stage.tasks has no line $number"

        # Sources are compared before anything else: what was made of others is not to be mixed in.
        sources=$here/sources/$(cat "$here/stages/$stage.model").txt
        differences=$(cut -d ' ' -f 3- "$sources" | tr '\n' '\0' \
          | LC_ALL=C xargs -0 stat -L -c '%s %Y %n' 2>&1 | diff "$sources" - | sed -n 's/^> //p' | head -n 3)
        case $differences in
        '') ;;
        stat:*) give_up 66 "a source is not on $host: $differences" ;;
        *) give_up 65 "a source has changed since the job was written: $differences" ;;
        esac

        if [ -e "$final" ]; then
          rm -f "$state/$number.failed" "$state/$number.running"
          [ -e "$state/$number.done" ] || record done ", \"seconds\": 0"
          say "complete: $final is there"
          exit 0
        fi
        while IFS= read -r needed; do
          [ -e "$needed" ] || give_up 65 "$needed is not there: a stage before this one did not end well"
        done <"$here/stages/$stage.needs"

        record running
        : "attempt $attempt on $host"
        printf '%s\n' "--- $(date '+%F %T') attempt $attempt on $host: $command" >>"$log"
        mkdir -p "$(dirname -- "$output")"
        # Whoever looks sees by the file's date that the task is alive. Begun before the trap, so that it has none
        # and a signal ends it at once, and it ends with this script in any case.
        (while sleep 20 && kill -0 $$ 2>/dev/null; do touch -c "$state/$number.running" 2>/dev/null; done) >/dev/null 2>&1 &
        pulse=$!
        sh -c "$command" >>"$log" 2>&1 &
        child=$!
        stopped=
        trap 'stopped=yes; pkill -TERM -P "$child" 2>/dev/null; kill -TERM "$child" 2>/dev/null' TERM INT
        wait "$child"
        code=$?
        # A signal ends the wait before the command has ended.
        while kill -0 "$child" 2>/dev/null; do wait "$child"; code=$?; done
        # Its sleep first: it would hold what this script's output is read through.
        pkill -P "$pulse" 2>/dev/null
        kill "$pulse" 2>/dev/null
        if [ -n "$stopped" ]; then give_up 143 "stopped from outside: the limit of time, or a cancellation"; fi
        if [ $code -ne 0 ]; then give_up $code ''; fi
        [ -e "$output" ] || give_up 74 "the command ended well, and $output is not there"
        record done ", \"seconds\": $(($(date +%s) - started))"
        rm -f "$state/$number.running" "$state/$number.failed"
        say "done in $(($(date +%s) - started)) s on $host"
        """#
}
