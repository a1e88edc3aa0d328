"""Writes the model directory in the layout of Hugging Face."""

import hashlib
import json

import bpe
from model import save_safetensors

# Questions are lower-cased, as in training. A special token written by a user stays text.
TEMPLATE = (
    "{{ '<|bos|>' }}"
    "{% for message in messages %}"
    "{% if message.role == 'user' %}"
    "{{ '<|user|> ' + (message.content | replace('<|', '< |') | trim | lower) + '<|end|>' }}"
    "{% elif message.role == 'assistant' %}"
    "{{ '<|assistant|>' + (message.content | replace('<|', '< |') | trim) + '<|end|>' }}"
    "{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)


def write_json(path, value):
    path.write_text(json.dumps(value, indent=2) + '\n')


def write_model(directory, model, tokenizer, corpus_sha256):
    directory.mkdir(parents=True, exist_ok=True)
    shape = model.shape
    tokens = {'bos_token_id': bpe.BOS, 'eos_token_id': bpe.END, 'pad_token_id': bpe.PAD}
    write_json(directory / 'config.json', {
        'architectures': ['LlamaForCausalLM'],
        'model_type': 'llama',
        'hidden_act': 'silu',
        'hidden_size': shape.hidden,
        'intermediate_size': shape.ffn,
        'num_hidden_layers': shape.layers,
        'num_attention_heads': shape.heads,
        'num_key_value_heads': shape.kv_heads,
        'head_dim': shape.head_dim,
        'max_position_embeddings': shape.context,
        'rms_norm_eps': shape.eps,
        'rope_theta': shape.theta,
        'rope_scaling': None,
        'attention_bias': False,
        'mlp_bias': False,
        'tie_word_embeddings': True,
        'torch_dtype': 'bfloat16',
        'vocab_size': shape.vocab,
        **tokens,
    })
    write_json(directory / 'generation_config.json', {'do_sample': False, 'max_length': shape.context, **tokens})
    tokenizer.save(directory / 'tokenizer.json')
    write_json(directory / 'tokenizer_config.json', {
        'tokenizer_class': 'PreTrainedTokenizerFast',
        'model_max_length': shape.context,
        'bos_token': bpe.SPECIALS[bpe.BOS],
        'eos_token': bpe.SPECIALS[bpe.END],
        'pad_token': bpe.SPECIALS[bpe.PAD],
        'clean_up_tokenization_spaces': False,
        'chat_template': TEMPLATE,
    })
    save_safetensors(model, directory / 'model.safetensors', {
        'format': 'pt',
        'corpusSha256': corpus_sha256,
        'tokenizerSha256': hashlib.sha256((directory / 'tokenizer.json').read_bytes()).hexdigest(),
    })
