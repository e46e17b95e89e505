"""Calls of one client, for scripts/compare-clients: prints a row for each.

usage: worker.py CLIENT PORT KEY
"""
import json
import sys

CLIENT, PORT, KEY = sys.argv[1], sys.argv[2], sys.argv[3]
URL = f"http://127.0.0.1:{PORT}"
MODEL = "served"
HELLO = [{"role": "user", "content": "Say hello."}]
SCHEMA = {"type": "object", "properties": {"name": {"type": "string", "maxLength": 12},
                                           "age": {"type": "integer", "minimum": 0, "maximum": 120}},
          "required": ["name", "age"], "additionalProperties": False}
TOOL = {"type": "function", "function": {
    "name": "weather", "description": "The weather in a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string", "maxLength": 12}},
                   "required": ["city"], "additionalProperties": False}}}


def row(call, status, words=""):
    print("row " + json.dumps([call, status, words]), flush=True)


def check(call, body):
    """Runs a call; what it returns is said beside the row."""
    try:
        row(call, "ok", str(body() or "")[:60])
    except Exception as error:  # noqa: BLE001
        row(call, "FAILED", f"{type(error).__name__}: {error}"[:300])


def expect(condition, words="unexpected answer"):
    if not condition:
        raise AssertionError(words)


def raises(kind, body):
    try:
        body()
    except kind as error:
        return type(error).__name__
    raise AssertionError(f"expected {kind.__name__}")


def person(text):
    value = json.loads(text)
    expect(set(value) == {"name", "age"} and 0 <= value["age"] <= 120, text)
    return text


def openai_rows():
    import openai

    client = openai.OpenAI(base_url=URL + "/v1", api_key=KEY, max_retries=0)
    chat, complete = client.chat.completions.create, client.completions.create
    # The embedded model would end most answers at once.
    going = {"ignore_eos": True}

    def stream():
        whole = chat(model=MODEL, messages=HELLO, max_tokens=12, seed=1, temperature=0.8, extra_body=going)
        text, usage = "", None
        for chunk in chat(model=MODEL, messages=HELLO, max_tokens=12, seed=1, temperature=0.8, stream=True,
                          stream_options={"include_usage": True}, extra_body=going):
            text += (chunk.choices[0].delta.content or "") if chunk.choices else ""
            usage = chunk.usage or usage
        expect(text == whole.choices[0].message.content, "the stream's text differs")
        expect(usage.completion_tokens == whole.usage.completion_tokens, "its usage differs")
        return text

    def logprobs():
        answer = chat(model=MODEL, messages=HELLO, max_tokens=3, logprobs=True, top_logprobs=2, extra_body=going)
        content = answer.choices[0].logprobs.content
        expect(content and all(len(token.top_logprobs) == 2 and token.logprob <= 0 for token in content))
        legacy = complete(model=MODEL, prompt="Once upon", max_tokens=2, logprobs=2, echo=True).choices[0].logprobs
        expect(len(legacy.tokens) == len(legacy.token_logprobs) == len(legacy.text_offset))
        expect(legacy.token_logprobs[0] is None)

    def schema():
        answer = chat(model=MODEL, messages=HELLO, max_tokens=120, response_format={
            "type": "json_schema", "json_schema": {"name": "person", "schema": SCHEMA, "strict": True}})
        return person(answer.choices[0].message.content)

    def parsed():
        import pydantic

        class Person(pydantic.BaseModel):
            age: int

        answer = client.chat.completions.parse(model=MODEL, messages=HELLO, max_tokens=120, temperature=0,
                                               response_format=Person)
        expect(isinstance(answer.choices[0].message.parsed, Person))

    def tools():
        answer = chat(model=MODEL, messages=HELLO, max_tokens=120, tools=[TOOL], tool_choice="required",
                      parallel_tool_calls=False)
        call = answer.choices[0].message.tool_calls[0]
        expect(answer.choices[0].finish_reason == "tool_calls" and call.function.name == "weather")
        later = HELLO + [answer.choices[0].message, {"role": "tool", "tool_call_id": call.id, "content": "Rain."}]
        expect(chat(model=MODEL, messages=later, max_tokens=4).choices[0].message is not None)
        streamed = list(chat(model=MODEL, messages=HELLO, max_tokens=120, tools=[TOOL], stream=True, tool_choice={
            "type": "function", "function": {"name": "weather"}}))
        names = [delta.function.name for chunk in streamed for delta in chunk.choices[0].delta.tool_calls or []]
        expect(names and names[0] == "weather", "no call in the stream")
        return call.function.arguments

    def many():
        answer = complete(model=MODEL, prompt=["Once upon", "In the"], n=2, max_tokens=4, seed=5)
        again = complete(model=MODEL, prompt=["Once upon", "In the"], n=2, max_tokens=4, seed=5)
        expect([choice.text for choice in answer.choices] == [choice.text for choice in again.choices])
        expect(len(answer.choices) == 4)

    def faults():
        raises(openai.BadRequestError, lambda: chat(model=MODEL, messages=HELLO, temperature=3))
        raises(openai.BadRequestError, lambda: chat(model=MODEL, messages=HELLO, extra_body={"other": 1}))
        raises(openai.NotFoundError, lambda: chat(model="other", messages=HELLO))
        try:
            chat(model=MODEL, messages=[{"role": "user", "content": "word " * 20000}])
        except openai.BadRequestError as error:
            expect(error.code == "context_length_exceeded" and error.param == "messages")
        stranger = openai.OpenAI(base_url=URL + "/v1", api_key="other", max_retries=0)
        return raises(openai.AuthenticationError, stranger.models.list)

    def closed():
        answer = complete(model=MODEL, prompt="Once", max_tokens=400, stream=True, extra_body=going)
        next(iter(answer))
        answer.close()

    check("models.list", lambda: [model.id for model in client.models.list()])
    check("models.retrieve", lambda: client.models.retrieve(MODEL).id)
    check("chat", lambda: chat(model=MODEL, messages=HELLO, max_tokens=8, stop=["\n"],
                               extra_body=going).choices[0].message.content)
    check("chat, streamed", stream)
    check("logprobs", logprobs)
    check("json_schema", schema)
    check("chat.completions.parse", parsed)
    check("tools", tools)
    check("completions, n and seed", many)
    check("a stream that is closed", closed)
    check("faults", faults)


def ollama_rows():
    import ollama

    client = ollama.Client(host=URL, headers={"Authorization": f"Bearer {KEY}"})
    options = {"num_predict": 8, "temperature": 0.8, "seed": 1}

    def stream():
        whole = client.chat(model=MODEL, messages=HELLO, options=options).message.content
        parts = [part for part in client.chat(model=MODEL, messages=HELLO, options=options, stream=True)]
        expect("".join(part.message.content for part in parts) == whole, "the stream's text differs")
        expect(parts[-1].done and parts[-1].eval_count <= 8)
        return whole

    def tools():
        return client.chat(model=MODEL, messages=HELLO, tools=[TOOL], options=options).message.content

    def faults():
        raises(ollama.ResponseError, lambda: client.chat(model="other", messages=HELLO))
        raises(ollama.ResponseError, lambda: client.generate(model=MODEL, prompt="a", options={"mirostat": 2}))
        return raises(ollama.ResponseError, lambda: client.pull("other"))

    check("list", lambda: client.list().models[0].model)
    check("ps", lambda: client.ps().models[0].model)
    check("show", lambda: client.show(MODEL).details.family)
    check("generate", lambda: client.generate(model=MODEL, prompt="Once upon", options=options).response)
    check("generate, raw", lambda: client.generate(model=MODEL, prompt="Once", raw=True, options=options).response)
    check("chat, streamed", stream)
    check("format", lambda: person(client.chat(model=MODEL, messages=HELLO, format=SCHEMA,
                                               options={"num_predict": 120}).message.content))
    check("tools", tools)
    check("faults", faults)


def litellm_rows():
    import litellm

    litellm.suppress_debug_info = True
    common = {"messages": HELLO, "max_tokens": 8}
    openai_like = common | {"model": "openai/" + MODEL, "api_base": URL + "/v1", "api_key": KEY}
    ollama_like = common | {"model": "ollama_chat/" + MODEL, "api_base": URL, "api_key": KEY,
                            "headers": {"Authorization": f"Bearer {KEY}"}}

    def streamed(arguments):
        return "".join(part.choices[0].delta.content or "" for part in litellm.completion(**arguments, stream=True))

    check("openai/", lambda: litellm.completion(**openai_like).choices[0].message.content)
    check("openai/, streamed", lambda: streamed(openai_like))
    check("openai/, fault", lambda: raises(litellm.BadRequestError,
                                           lambda: litellm.completion(**openai_like, temperature=3)))
    check("ollama_chat/", lambda: litellm.completion(**ollama_like).choices[0].message.content)
    check("ollama_chat/, streamed", lambda: streamed(ollama_like))


def prometheus_rows():
    import urllib.request

    from prometheus_client.parser import text_string_to_metric_families as families

    def metrics():
        request = urllib.request.Request(URL + "/metrics", headers={"Authorization": f"Bearer {KEY}"})
        with urllib.request.urlopen(request) as answer:
            expect("version=0.0.4" in answer.headers["content-type"])
            found = {family.name: family for family in families(answer.read().decode())}
        for family in found.values():
            expect(family.documentation and family.type != "unknown", family.name)
            if family.type != "histogram":
                continue
            counts = [sample.value for sample in family.samples if sample.name.endswith("_bucket")]
            count = [sample.value for sample in family.samples if sample.name.endswith("_count")]
            expect(counts == sorted(counts) and counts[-1:] == count, f"{family.name}: buckets")
        expect(found["ingot_time_to_first_token_seconds"].type == "histogram")
        return f"{len(found)} families"

    check("/metrics", metrics)


ROWS = {"openai": openai_rows, "ollama": ollama_rows, "litellm": litellm_rows, "prometheus": prometheus_rows}
MODULES = {"openai": "openai", "ollama": "ollama", "litellm": "litellm", "prometheus": "prometheus_client"}
try:
    __import__(MODULES[CLIENT])
except ImportError:
    row("all", "skipped", "the package is not installed: --install")
else:
    ROWS[CLIENT]()
