"""The models: which, on what, and how long people wait for their first word."""

from sovereign.settings import env

ENGINE = env.text("SOVEREIGN_ENGINE", "auto")
CHAT_MODEL = env.text("SOVEREIGN_CHAT_MODEL", "qwen2.5-coder-1.5b-instruct")
EMBEDDER = env.text("SOVEREIGN_EMBEDDER", "e5-small-minilm")
EMBED_DEVICE = env.text("SOVEREIGN_EMBED_DEVICE", "cpu")
#: On a CPU; a GPU embeds in 16 bit floats.
EMBED_PRECISION = env.text("SOVEREIGN_EMBED_PRECISION", "int8")
CONTEXT_TOKENS = env.number("SOVEREIGN_CONTEXT_TOKENS", 4_096, least=1_024)
THREADS = env.number("SOVEREIGN_THREADS", 0)
#: -1: as many as the free memory of the cards holds (inference/gpu.py).
GPU_LAYERS = env.number("SOVEREIGN_GPU_LAYERS", 0, least=-1, words={"auto": -1})
#: Generations at once; 0: as memory and cores allow (inference/plan.py).
PARALLEL = env.number("SOVEREIGN_PARALLEL", 0)
#: What answers quote is guessed from the prompt, where that is faster (inference/lookup.py).
PROMPT_LOOKUP = env.flag("SOVEREIGN_PROMPT_LOOKUP", True)
#: Several are replicas of each other (inference/replicas.py).
OPENAI_URLS = env.words("SOVEREIGN_OPENAI_URL")
OPENAI_KEY = env.text("SOVEREIGN_OPENAI_KEY")
#: By host:port, for those that want another one.
OPENAI_KEYS = env.from_files("SOVEREIGN_OPENAI_KEYS")
OPENAI_CONNECT_SECONDS = env.decimal("SOVEREIGN_OPENAI_CONNECT_SECONDS", 5.0)
OPENAI_FIRST_SECONDS = env.decimal("SOVEREIGN_OPENAI_FIRST_SECONDS", 120.0)
OPENAI_SILENCE_SECONDS = env.decimal("SOVEREIGN_OPENAI_SILENCE_SECONDS", 30.0)
OPENAI_WHOLE_SECONDS = env.decimal("SOVEREIGN_OPENAI_WHOLE_SECONDS", 600.0)
ALLOWED_ADDRESSES = env.words("SOVEREIGN_ALLOWED_ADDRESSES")
FIRST_TOKEN_SECONDS = env.decimal("SOVEREIGN_FIRST_TOKEN_SECONDS", 2.0 if GPU_LAYERS else 8.0)
#: A model that reads the least for longer is not asked unless it is named (chat/choice.py); 0: always.
SLOWEST_FIRST_TOKEN_SECONDS = env.decimal("SOVEREIGN_SLOWEST_FIRST_TOKEN_SECONDS", 60.0)
#: Of the machine that computes, under load, where its counters cannot be read; 0: unknown.
WATTS = env.decimal("SOVEREIGN_WATTS", 0.0)
#: Folders besides MODELS_DIR whose GGUF files administrators may register (inference/desk.py).
MODEL_FOLDERS = env.words("SOVEREIGN_MODEL_FOLDERS")
#: The largest model file that is taken by upload.
MODEL_UPLOAD_GB = env.number("SOVEREIGN_MODEL_UPLOAD_GB", 40)
