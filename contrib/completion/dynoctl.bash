# bash completion for dynoctl: verbs, options and names come from dynoctl itself.
# What cannot be had (no controller, no such app) is no word, and no error message.

# What an instance says within two seconds; "_dynoctl_ask ps" asks for its dynos.
_dynoctl_ask() {
	timeout 2 dynoctl "${_dynoctl_where[@]}" --json "$@" 2>/dev/null </dev/null
}

# _dynoctl_members KEY VERB: this member of each object of a list.
_dynoctl_members() {
	_dynoctl_ask $2 | sed -n "s/^ \{4\}\"$1\": \"\{0,1\}\([^\"]*[^\",]\)\"\{0,1\},\{0,1\}\$/\1/p"
}

_dynoctl_apps() {
	timeout 2 dynoctl "${_dynoctl_where[@]}" apps 2>/dev/null </dev/null
}

_dynoctl_releases() {
	_dynoctl_members version 'releases -n 50' | sed 's/^/v/'
}

# The options in a verb's usage.
_dynoctl_options() {
	echo '--app --root --json --help'
	dynoctl help $1 2>/dev/null | sed -n '1s/[^a-z-]/ /gp' | tr ' ' '\n' | grep '^--[a-z]'
}

# The words that an argument of a verb can be.
_dynoctl_words() {
	case $1 in
	apps:info | apps:destroy | info | destroy | apps:delete) _dynoctl_apps ;;
	ps | restart | stop | why | ps:restart | ps:stop | ps:kill | dyno:*)
		_dynoctl_members name ps
		_dynoctl_members type scale ;;
	scale | wait | ps:*) _dynoctl_members type scale ;;
	rollback | releases:*) _dynoctl_releases ;;
	features:*) _dynoctl_members name features ;;
	domains:remove) _dynoctl_members hostname domains ;;
	addons:set | addons:attach | addons:destroy) _dynoctl_members name addons ;;
	drains:remove) _dynoctl_members token drains ;;
	webhooks:remove) _dynoctl_members id webhooks ;;
	tokens:revoke) _dynoctl_members id tokens ;;
	accounts:* | access:add | tokens | tokens:create) _dynoctl_members email accounts ;;
	access:remove) _dynoctl_ask access | sed -n 's/^ *"email": "\(.*\)",\{0,1\}$/\1/p' ;;
	config:*) _dynoctl_ask config | sed -n 's/^ \{2\}"\([^"]*\)": .*/\1/p' ;;
	help) dynoctl verbs 2>/dev/null | tr ' ' '\n' ;;
	esac
}

_dynoctl() {
	local cur prev words cword i verb='' line='' _dynoctl_where=()
	# With colons as word breaks "config:set" would be three words.
	if declare -F _get_comp_words_by_ref >/dev/null; then
		_get_comp_words_by_ref -n := cur prev words cword
	else
		cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
		words=("${COMP_WORDS[@]}") cword=$COMP_CWORD
	fi

	for ((i = 1; i < cword; i++)); do
		case ${words[i]} in
		--root | -a | --app) _dynoctl_where+=("${words[i]}" "${words[++i]}") ;;
		-*) ;;
		*) if [ -z "$verb" ]; then
			verb=${words[i]}
		elif [ "$verb" = host ] || [ "$verb" = sandbox ]; then
			verb+=" ${words[i]}"
		fi ;;
		esac
	done

	case $prev in
	-a | --app | --confirm) line=$(_dynoctl_apps) ;;
	-d | --dyno) line=$(_dynoctl_members name ps; _dynoctl_members type scale) ;;
	--release) line=$(_dynoctl_releases) ;;
	--source) line='app heroku' ;;
	--scope) line='read write admin' ;;
	--sort) line='cpu memory pids restarts age name state' ;;
	--root | -o | --output)
		COMPREPLY=($(compgen -f -- "$cur"))
		return 0 ;;
	*)
		case $verb in
		'') line=$(dynoctl verbs 2>/dev/null | sed 's/ .*//' | sort -u)
			[[ $cur == -* ]] && line='--app --root --json --help --version' ;;
		host | sandbox) line=$(dynoctl verbs 2>/dev/null | sed -n "s/^$verb //p") ;;
		*) if [[ $cur == -* ]]; then
			line=$(_dynoctl_options "$verb")
		elif [ "$verb" = deploy ]; then
			COMPREPLY=($(compgen -f -- "$cur"))
			return 0
		else
			line=$(_dynoctl_words "$verb")
		fi ;;
		esac ;;
	esac
	COMPREPLY=($(compgen -W "$line" -- "$cur"))
	declare -F __ltrim_colon_completions >/dev/null &&
		__ltrim_colon_completions "$cur"
	return 0
}

complete -F _dynoctl dynoctl
