# bash completion for dynoctl: verbs and apps come from dynoctl itself.

_dynoctl_apps() {
	dynoctl "${_dynoctl_root[@]}" apps 2>/dev/null
}

_dynoctl_json_names() {
	sed -n "s/^ \{4\}\"$1\": \"\(.*\)\",\{0,1\}\$/\1/p"
}

_dynoctl() {
	local cur prev line words cword i verb='' app=() _dynoctl_root=()
	# With colons as word breaks "config:set" would be three words.
	if declare -F _get_comp_words_by_ref >/dev/null; then
		_get_comp_words_by_ref -n := cur prev words cword
	else
		cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
		words=("${COMP_WORDS[@]}") cword=$COMP_CWORD
	fi

	for ((i = 1; i < cword; i++)); do
		case ${words[i]} in
		--root) _dynoctl_root=(--root "${words[++i]}") ;;
		-a | --app) app=(-a "${words[++i]}") ;;
		-*) ;;
		*) if [ -z "$verb" ]; then
			verb=${words[i]}
		elif [ "$verb" = host ] || [ "$verb" = sandbox ]; then
			verb+=" ${words[i]}"
		fi ;;
		esac
	done

	COMPREPLY=()
	case $prev in
	-a | --app | --confirm)
		COMPREPLY=($(compgen -W "$(_dynoctl_apps)" -- "$cur")) ;;
	--root)
		COMPREPLY=($(compgen -d -- "$cur")) ;;
	-d | --dyno)
		COMPREPLY=($(compgen -W "$(dynoctl "${_dynoctl_root[@]}" \
			"${app[@]}" --json ps 2>/dev/null |
			_dynoctl_json_names name)" -- "$cur")) ;;
	*)
		case $verb in
		'') line=$(dynoctl verbs 2>/dev/null | sed 's/ .*//' | sort -u)
			[[ $cur == -* ]] && line='--app --root --json --help --version'
			COMPREPLY=($(compgen -W "$line" -- "$cur")) ;;
		host | sandbox)
			line=$(dynoctl verbs 2>/dev/null | sed -n "s/^$verb //p")
			COMPREPLY=($(compgen -W "$line" -- "$cur")) ;;
		deploy)
			COMPREPLY=($(compgen -f -- "$cur")) ;;
		apps:info | apps:destroy)
			COMPREPLY=($(compgen -W "$(_dynoctl_apps)" -- "$cur")) ;;
		restart | stop | ps | why)
			COMPREPLY=($(compgen -W "$(dynoctl "${_dynoctl_root[@]}" \
				"${app[@]}" --json ps 2>/dev/null |
				_dynoctl_json_names name)" -- "$cur")) ;;
		scale | ps:scale | wait)
			COMPREPLY=($(compgen -W "$(dynoctl "${_dynoctl_root[@]}" \
				"${app[@]}" --json scale 2>/dev/null |
				_dynoctl_json_names type)" -- "$cur")) ;;
		features:enable | features:disable)
			COMPREPLY=($(compgen -W "$(dynoctl "${_dynoctl_root[@]}" \
				"${app[@]}" --json features 2>/dev/null |
				_dynoctl_json_names name)" -- "$cur")) ;;
		domains:remove)
			COMPREPLY=($(compgen -W "$(dynoctl "${_dynoctl_root[@]}" \
				"${app[@]}" --json domains 2>/dev/null |
				_dynoctl_json_names hostname)" -- "$cur")) ;;
		addons:set | addons:attach | addons:destroy)
			COMPREPLY=($(compgen -W "$(dynoctl "${_dynoctl_root[@]}" \
				"${app[@]}" --json addons 2>/dev/null |
				_dynoctl_json_names name)" -- "$cur")) ;;
		config:get | config:set | config:unset)
			COMPREPLY=($(compgen -W "$(dynoctl "${_dynoctl_root[@]}" \
				"${app[@]}" config -s 2>/dev/null |
				sed -n 's/^\([A-Za-z0-9_]*\)=.*/\1/p')" -- "$cur")) ;;
		esac ;;
	esac
	declare -F __ltrim_colon_completions >/dev/null &&
		__ltrim_colon_completions "$cur"
	return 0
}

complete -F _dynoctl dynoctl
