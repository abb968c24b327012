# Settings for a shell that works with this project: `. ./env.sh`, or `. ./env.sh demo` for the demo's passphrase, too.
# Made for sh, bash and zsh; what setup found on this machine is in .venv/mailtenant.env. What is set already, stays.

if [ -z "${mailtenant_tree:-}" ]; then
    # Where this file is. A plain sh does not tell, so there the current folder counts.
    if [ -n "${BASH_SOURCE:-}" ]; then
        mailtenant_tree=$(CDPATH='' cd -- "$(dirname -- "$BASH_SOURCE")" && pwd)
    elif [ -n "${ZSH_VERSION:-}" ]; then
        eval 'mailtenant_tree=${${(%):-%x}:A:h}'
    else
        mailtenant_tree=$(pwd)
    fi
fi

if [ ! -r "$mailtenant_tree/.venv/mailtenant.env" ]; then
    echo "env.sh: $mailtenant_tree is not set up yet; run there: make setup" >&2
else
    # What a shell or the person has chosen goes before what setup found.
    mailtenant_kept_host=${DOCKER_HOST:-}
    . "$mailtenant_tree/.venv/mailtenant.env"
    DOCKER_HOST=${mailtenant_kept_host:-${DOCKER_HOST:-}}
    if [ -n "$DOCKER_HOST" ]; then export DOCKER_HOST; else unset DOCKER_HOST; fi
    if [ -n "${PULUMI_HOME:-}" ]; then export PULUMI_HOME; fi
    if [ -n "${PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION:-}" ]; then export PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION; fi
    if [ -n "${PULUMI_PYTHON_CMD:-}" ]; then export PULUMI_PYTHON_CMD; fi
    export MAILTENANT_PULUMI MAILTENANT_PYTHON PULUMI_SKIP_UPDATE_CHECK

    case ":$PATH:" in
    ":$mailtenant_tree/.venv/bin:$MAILTENANT_PULUMI:"*) ;;
    *) PATH="$mailtenant_tree/.venv/bin:$MAILTENANT_PULUMI:$PATH" ;;
    esac
    export PATH

    # State of the stacks: this tree, unless a backend is named.
    if [ -z "${PULUMI_BACKEND_URL:-}" ]; then
        mkdir -p "$mailtenant_tree/.state"
        PULUMI_BACKEND_URL="file://$mailtenant_tree/.state"
    fi
    export PULUMI_BACKEND_URL

    if [ "${1:-}" = demo ] && [ -z "${mailtenant_mode+set}" ] || [ "${mailtenant_mode:-}" = demo ]; then
        if [ -z "${PULUMI_CONFIG_PASSPHRASE+set}" ] && [ -z "${PULUMI_CONFIG_PASSPHRASE_FILE:-}" ]; then
            export PULUMI_CONFIG_PASSPHRASE_FILE="$mailtenant_tree/stacks/demo-passphrase.txt"
        fi
    fi
fi
unset mailtenant_tree mailtenant_mode mailtenant_kept_host
