import TensorCore

extension HFTokenizer {
    /// The chat template of RWKV's world models, whose directories have none.
    ///
    /// A system prompt (the last one), turns behind `User:` and `Assistant:` without thoughts, and at the end
    /// what `enable_thinking` asks for. The reference converter's says the same in other words.
    static let worldTemplate: ByteString = #"""
        {%- set system = messages | selectattr('role', 'equalto', 'system') | map(attribute='content') | list -%}
        {{- bos_token -}}
        {%- if system and system[-1] -%}
            {{- 'System: ' ~ system[-1] ~ '\n\n' -}}
        {%- endif -%}
        {%- for turn in messages -%}
            {%- if turn.role == 'user' -%}
                {{- 'User: ' ~ turn.content | trim ~ '\n\n' -}}
            {%- elif turn.role == 'assistant' and turn.content is not none -%}
                {{- 'Assistant: ' ~ turn.content.split('</think>') | last | trim ~ '\n\n' -}}
            {%- endif -%}
        {%- endfor -%}
        {%- if add_generation_prompt is not defined or add_generation_prompt -%}
            {{- 'Assistant:' -}}
            {%- if enable_thinking is defined -%}
                {{- ' <think>' if enable_thinking else ' <think>\n</think>' -}}
            {%- endif -%}
        {%- endif -%}
        """#
}
