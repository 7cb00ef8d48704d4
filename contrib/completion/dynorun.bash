# bash completion for dynorun: commands and options come from its own help,
# containers from its list.

_dynorun() {
	local cur prev word i verb='' root=()
	cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		case $word in
		--root) root=(--root "${COMP_WORDS[++i]}") ;;
		--log | --log-format | --cgroup-manager | --rootless) ((i++)) ;;
		-*) ;;
		*) verb=$word; break ;;
		esac
	done

	COMPREPLY=()
	case $prev in
	--root | --bundle | -b | --cwd)
		COMPREPLY=($(compgen -d -- "$cur")); return ;;
	--log | --pid-file | --process | --config | --console-socket | --resources)
		COMPREPLY=($(compgen -f -- "$cur")); return ;;
	--log-format)
		COMPREPLY=($(compgen -W 'text json' -- "$cur")); return ;;
	--format)
		COMPREPLY=($(compgen -W 'table json' -- "$cur")); return ;;
	--cgroup-manager)
		COMPREPLY=($(compgen -W 'cgroupfs systemd disabled' -- "$cur")); return ;;
	esac
	if [[ $cur == -* ]]; then
		COMPREPLY=($(compgen -W "$(dynorun $verb --help 2>/dev/null |
			grep -oE -e '--[a-z0-9-]+')" -- "$cur"))
	elif [ -z "$verb" ]; then
		COMPREPLY=($(compgen -W "$(dynorun --help 2>/dev/null |
			sed -nE '/^COMMANDS/,/^$/s/^   ([a-z]+) .*/\1/p')" -- "$cur"))
	else
		COMPREPLY=($(compgen -W "$(dynorun "${root[@]}" list -q 2>/dev/null)" \
			-- "$cur"))
	fi
}
complete -F _dynorun dynorun
