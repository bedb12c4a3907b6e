"""A recurrent net that reads letters, and a transformer."""
# The programs are in the manner of their authors: they print, format with % and have classes in functions.
# ruff: noqa: T201, UP031

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np

from examples.gpt import VERSES
from torch_programs.start import Result, start_from_arrays


def char_rnn(torch: Any, nn: Any, F: Any, optim: Any) -> Result:
    text = VERSES.read_text(encoding="utf-8")[:400]
    all_characters = sorted(set(text))
    n_characters = len(all_characters)

    class RNN(nn.Module):
        def __init__(self, input_size, hidden_size, output_size, n_layers=1):
            super().__init__()
            self.hidden_size, self.n_layers = hidden_size, n_layers
            self.encoder = nn.Embedding(input_size, hidden_size)
            self.gru = nn.GRU(hidden_size, hidden_size, n_layers)
            self.decoder = nn.Linear(hidden_size, output_size)

        def forward(self, input, hidden):
            input = self.encoder(input.view(1, -1))
            output, hidden = self.gru(input.view(1, 1, -1), hidden)
            return self.decoder(output.view(1, -1)), hidden

        def init_hidden(self):
            return torch.autograd.Variable(torch.zeros(self.n_layers, 1, self.hidden_size))

    def char_tensor(string):
        tensor = torch.zeros(len(string)).long()
        for c in range(len(string)):
            tensor[c] = all_characters.index(string[c])
        return tensor

    decoder = RNN(n_characters, 32, n_characters)
    start_from_arrays(torch, decoder)
    decoder_optimizer = optim.Adam(decoder.parameters(), lr=0.01)
    criterion, losses = nn.CrossEntropyLoss(), []
    random.seed(3)
    for _ in range(60):
        begin = random.randint(0, len(text) - 26)
        inp, target = char_tensor(text[begin : begin + 25]), char_tensor(text[begin + 1 : begin + 26])
        hidden, loss = decoder.init_hidden(), 0
        decoder.zero_grad()
        for c in range(25):
            output, hidden = decoder(inp[c], hidden)
            loss += criterion(output, target[c].unsqueeze(0))
        loss.backward()
        nn.utils.clip_grad_norm_(decoder.parameters(), 5.0)
        decoder_optimizer.step()
        losses.append(loss.data.item() / 25)

    hidden, predicted = decoder.init_hidden(), "a"
    for _ in range(20):
        output, hidden = decoder(char_tensor(predicted[-1]), hidden)
        output_dist = output.data.view(-1).div(0.8).exp()
        top_i = torch.multinomial(output_dist, 1)[0]
        predicted += all_characters[top_i]
    print("sample: %s, loss %.4f" % (predicted, loss.item() / 25))
    return [np.mean(losses[:5]), np.mean(losses[-5:])], losses[:20]


def gpt(torch: Any, nn: Any, F: Any, optim: Any) -> Result:
    class Config:
        block_size, n_layer, n_head, n_embd, dropout, bias = 16, 2, 2, 32, 0.0, False

        def __init__(self, **kwargs):
            for k, v in kwargs.items():
                setattr(self, k, v)

    class Attention(nn.Module):
        def __init__(self, config):
            super().__init__()
            self.c_attn = nn.Linear(config.n_embd, 3 * config.n_embd, bias=config.bias)
            self.c_proj = nn.Linear(config.n_embd, config.n_embd, bias=config.bias)
            self.drop, self.n_head = nn.Dropout(config.dropout), config.n_head
            ones = torch.ones(config.block_size, config.block_size)
            self.register_buffer("mask", torch.tril(ones).view(1, 1, config.block_size, config.block_size))

        def forward(self, x):
            B, T, C = x.size()
            q, k, v = (
                t.view(B, T, self.n_head, C // self.n_head).transpose(1, 2) for t in self.c_attn(x).split(C, dim=2)
            )
            att = (q @ k.transpose(-2, -1)) * (1.0 / math.sqrt(k.size(-1)))
            att = self.drop(F.softmax(att.masked_fill(self.mask[:, :, :T, :T] == 0, float("-inf")), dim=-1))
            return self.c_proj((att @ v).transpose(1, 2).contiguous().view(B, T, C))

    class Block(nn.Module):
        def __init__(self, config):
            super().__init__()
            self.ln_1, self.ln_2 = nn.LayerNorm(config.n_embd), nn.LayerNorm(config.n_embd)
            self.attn = Attention(config)
            self.mlp = nn.ModuleDict({
                "c_fc": nn.Linear(config.n_embd, 64),
                "act": nn.GELU(),
                "c_proj": nn.Linear(64, config.n_embd),
            })  # fmt: skip

        def forward(self, x):
            x = x + self.attn(self.ln_1(x))
            m = self.mlp
            return x + m.c_proj(m.act(m.c_fc(self.ln_2(x))))

    class GPT(nn.Module):
        def __init__(self, config):
            super().__init__()
            self.config = config
            self.wte, self.wpe = (
                nn.Embedding(config.vocab_size, config.n_embd),
                nn.Embedding(config.block_size, config.n_embd),
            )
            self.h = nn.ModuleList([Block(config) for _ in range(config.n_layer)])
            self.ln_f = nn.LayerNorm(config.n_embd)
            self.lm_head = nn.Linear(config.n_embd, config.vocab_size, bias=False)
            self.lm_head.weight = self.wte.weight
            self.apply(self._init_weights)

        def _init_weights(self, module):
            if isinstance(module, (nn.Linear, nn.Embedding)):
                module.weight.data.normal_(mean=0.0, std=0.02)
            elif isinstance(module, nn.LayerNorm):
                torch.nn.init.zeros_(module.bias)
                module.weight.data.fill_(1.0)

        def forward(self, idx, targets=None):
            _, t = idx.shape
            pos = torch.arange(0, t, dtype=torch.long, device=idx.device).unsqueeze(0)
            x = self.wte(idx) + self.wpe(pos)
            for block in self.h:
                x = block(x)
            logits = self.lm_head(self.ln_f(x)) * 0.2
            if targets is None:
                return logits[:, [-1], :], None
            return logits, F.cross_entropy(logits.view(-1, logits.size(-1)), targets.view(-1), ignore_index=-1)

        @torch.no_grad()
        def generate(self, idx, max_new_tokens, temperature=1.0, top_k=None):
            for _ in range(max_new_tokens):
                logits, _ = self(idx[:, -self.config.block_size :])
                logits = logits[:, -1, :] / temperature
                v, _ = torch.topk(logits, min(top_k, logits.size(-1)))
                logits[logits < v[:, [-1]]] = -float("Inf")
                idx = torch.cat((idx, torch.multinomial(F.softmax(logits, dim=-1), num_samples=1)), dim=1)
            return idx

    return _train_gpt(torch, GPT, Config, optim)


def _train_gpt(torch, GPT, Config, optim):
    text = VERSES.read_text(encoding="utf-8")
    stoi = {ch: i for i, ch in enumerate(sorted(set(text)))}
    itos = {i: ch for ch, i in stoi.items()}
    data = np.array([stoi[c] for c in text], dtype=np.uint16)
    model = GPT(Config(vocab_size=len(stoi)))
    start_from_arrays(torch, model)
    assert model.lm_head.weight is model.wte.weight
    param_dict = {pn: p for pn, p in model.named_parameters() if p.requires_grad}
    groups = [
        {"params": [p for p in param_dict.values() if p.dim() >= 2], "weight_decay": 0.1},
        {"params": [p for p in param_dict.values() if p.dim() < 2], "weight_decay": 0.0},
    ]
    optimizer = optim.AdamW(groups, lr=1e-2, betas=(0.9, 0.95))
    rng, T, losses = np.random.RandomState(5), model.config.block_size, []
    print("number of parameters: %.2fK" % (sum(p.numel() for p in model.parameters()) / 1e3,))
    for it in range(60):
        for param_group in optimizer.param_groups:
            param_group["lr"] = 1e-2 * np.minimum(1.0, (it + 1) / 10) * (0.5 * (1 + np.cos(np.pi * it / 80)))
        ix = rng.randint(len(data) - T, size=8)
        x = torch.stack([torch.from_numpy(data[i : i + T].astype(np.int64)) for i in ix])
        y = torch.stack([torch.from_numpy(data[i + 1 : i + 1 + T].astype(np.int64)) for i in ix])
        _, loss = model(x, y)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    model.eval()
    context = torch.zeros((1, 1), dtype=torch.long)
    written = "".join(itos[i] for i in model.generate(context, 20, top_k=5)[0].tolist())
    assert len(written) == 21
    return losses, losses[:10]
