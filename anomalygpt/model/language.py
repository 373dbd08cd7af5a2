"""The causal language model: token embeddings in, logits or a loss out, with its own tokenizer.

It reads embeddings and not tokens, because image and prompt vectors stand among the words (paper, figure 2). It
holds no state of any conversation: the key/value cache is handed in, so that many conversations share one model.
"""

from __future__ import annotations

from collections.abc import Sequence
from inspect import signature
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from transformers import AutoConfig, AutoModelForCausalLM, DynamicCache
from transformers.cache_utils import DynamicLayer

from anomalygpt.config import LanguageConfig, LoRAConfig

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

IGNORED = -100
"""The label of a position that the loss leaves out."""


def transformers_config(config: LanguageConfig) -> PretrainedConfig:
    """The architecture as transformers knows it: a Llama, unless the architecture names another `model_type`.

    Attention is torch's own scaled dot product.
    """
    settings = {"model_type": "llama", "attn_implementation": "sdpa", **config.architecture}
    return AutoConfig.for_model(settings.pop("model_type"), **settings)


class Language(nn.Module):
    """A transformers causal language model, adapters on it where the config has them, and a tokenizer.

    Args:
        config: architecture and adapters. Weights are random unless `model` is given.
        tokenizer: of transformers; it must not have more tokens than the model has embeddings.
        model: a loaded causal language model of that architecture, to be used as it is.

    Raises:
        ValueError: if the tokenizer has tokens that the model has no embedding for.
    """

    def __init__(
        self, config: LanguageConfig, tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel | None = None
    ) -> None:
        super().__init__()
        self.config = config
        self.tokenizer = tokenizer
        if model is None:
            model = AutoModelForCausalLM.from_config(transformers_config(config))
        rows = len(cast(nn.Embedding, model.get_input_embeddings()).weight)
        if len(tokenizer) > rows:
            raise ValueError(
                f"The tokenizer has {len(tokenizer)} tokens and the language model {rows} embeddings; they are not of "
                "one model. Set language.architecture.vocab_size to at least the tokenizer's size."
            )
        self.end_ids = frozenset(_end_ids(model, tokenizer))
        self.max_positions = config.max_positions
        # transformers has renamed the argument, and warns of the old name on every start.
        self._cache_name = "cache" if "cache" in signature(model.forward).parameters else "past_key_values"
        self.model: nn.Module = model if config.lora is None else _with_adapters(model, config.lora)

    @property
    def base(self) -> PreTrainedModel:
        """The transformers model itself; adapters, where there are any, sit inside its layers."""
        model: Any = self.model
        return model if self.config.lora is None else model.get_base_model()

    @property
    def hidden_size(self) -> int:
        """Width H of the embeddings."""
        return self.config.hidden_size

    @property
    def device(self) -> torch.device:
        """Where embeddings are expected."""
        return self._embedding.weight.device

    @property
    def dtype(self) -> torch.dtype:
        """Number format that embeddings are converted to."""
        return self._embedding.weight.dtype

    @property
    def _embedding(self) -> nn.Embedding:
        return cast(nn.Embedding, self.base.get_input_embeddings())

    def token_ids(self, text: str, bos: bool = False) -> Tensor:
        """Token ids of a text, int64 1×T; T may be 0.

        What looks like a special token in the text is read as its plain characters if the tokenizer was saved so (ours
        is). With `bos` the beginning-of-sequence token stands in front.
        """
        # A lone surrogate, which JSON can bring along, is no character: it becomes a question mark.
        clean = text.encode("utf-8", "replace").decode("utf-8")
        ids = self.tokenizer.encode(clean, add_special_tokens=False)
        if bos and self.tokenizer.bos_token_id is not None:
            ids = [self.tokenizer.bos_token_id, *ids]
        return torch.tensor([ids], dtype=torch.long)

    def decode(self, ids: Sequence[int]) -> str:
        """The text of token ids; bytes that are no whole character are U+FFFD, padding and the like are left out."""
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False))

    def special_ids(self, tokens: Sequence[str]) -> list[int]:
        """The ids of special tokens.

        Raises:
            ValueError: the tokenizer lacks one of them.
        """
        known = {token.content: index for index, token in self.tokenizer.added_tokens_decoder.items()}
        if lacking := [token for token in tokens if token not in known]:
            raise ValueError(f"The tokenizer lacks the special tokens {', '.join(lacking)}, which the config asks for.")
        return [known[token] for token in tokens]

    @property
    def special_texts(self) -> list[str]:
        """What the tokenizer reads as one special token wherever it stands; nothing a user types may hold them."""
        return [token.content for token in self.tokenizer.added_tokens_decoder.values() if token.content.strip()]

    def chat(self, messages: Sequence[dict[str, str]], reply: bool) -> str:
        """A dialogue as text, by the chat template that came with the model.

        Args:
            messages: each with "role" ("user" or "assistant") and "content".
            reply: whether the text goes on to where the next answer begins.

        Raises:
            ValueError: the model has no chat template, or one that does not take such a dialogue.
        """
        try:
            text = self.tokenizer.apply_chat_template(
                list(messages),
                tokenize=False,
                add_generation_prompt=reply,
                enable_thinking=False,  # models that can think aloud first answer at once; others do not look at it
            )
        except Exception as error:  # templates raise what they please
            raise ValueError(f"The language model's chat template cannot be used ({error}).") from error
        return str(text)

    def embed_ids(self, ids: Tensor) -> Tensor:
        """Embeddings B×T×H of token ids B×T."""
        return self._embedding(ids.to(self.device))

    def add_adapters(self, lora: LoRAConfig) -> None:
        """Puts new adapters, which change nothing yet, on a language model that has none."""
        self.model = _with_adapters(self.base, lora)
        self.config = self.config.model_copy(update={"lora": lora})

    def compute_again(self) -> None:
        """From now on, in training, computes activations again on the way back instead of keeping them."""
        self.base.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})

    def forward(
        self,
        embeddings: Tensor,
        attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        by_row: bool = False,
        weights: Tensor | None = None,
    ) -> Tensor:
        """Logits, or with labels the loss.

        Args:
            embeddings: B×T×H.
            attention_mask: B×T, 1 for a position in use and 0 for padding, which must be on the right.
            labels: int64 B×T, the token at each position itself (it is predicted from those before it), `IGNORED`
                where there is nothing to learn.
            by_row: whether rows count alike, however many labels each has; so the loss of a batch is the mean of the
                losses of its parts.
            weights: B×T, how much each label counts, all alike if left out; not with `by_row`.

        Returns:
            Logits B×T×V, or the mean cross-entropy over the labelled positions, a scalar in nats (0 if there are none).
        """
        inputs = {"inputs_embeds": embeddings.to(self.dtype), "attention_mask": attention_mask, "use_cache": False}
        if labels is None:
            return self.model(**inputs).logits
        # Logits are computed only where some row of the batch has a label: prompts are long and vocabularies large.
        targets = labels[:, 1:]
        kept = (targets != IGNORED).any(0).nonzero()[:, 0]
        if not len(kept):
            return embeddings.sum() * 0
        logits = self.model(**inputs, logits_to_keep=kept).logits
        wanted = targets[:, kept]
        if not by_row and weights is None:
            return cross_entropy(logits.float().flatten(0, 1), wanted.flatten(), ignore_index=IGNORED)
        losses = cross_entropy(logits.float().transpose(1, 2), wanted, ignore_index=IGNORED, reduction="none")
        if weights is not None:
            counted = weights[:, 1:][:, kept] * (wanted != IGNORED)
            return (losses * counted).sum() / counted.sum()
        return (losses.sum(1) / (wanted != IGNORED).sum(1).clamp(min=1)).mean()

    def new_cache(self) -> DynamicCache:
        """An empty key/value cache for one conversation.

        It keeps every position, also for models whose attention looks back a limited way only, so that any number of
        positions can be dropped again.
        """
        return DynamicCache()

    @torch.inference_mode()
    def step(self, embeddings: Tensor, cache: DynamicCache, keep: int = 1) -> Tensor:
        """Reads embeddings 1×T×H into the cache; the float32 logits, keep×V, of what follows the last `keep` of them.

        If the model fails, the cache is left as it was.
        """
        length = cache.get_seq_length()
        inputs = embeddings.to(self.device, self.dtype)
        try:
            output = self.model(inputs_embeds=inputs, use_cache=True, logits_to_keep=keep, **{self._cache_name: cache})
        except BaseException:
            # Some layers have read the embeddings and others have not.
            for layer in cast(list[DynamicLayer], cache.layers):
                layer.crop(length - layer.get_seq_length())
            raise
        return output.logits[0].float()


def _end_ids(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> set[int]:
    """Ids that end an answer: the tokenizer's, and those the model's own settings name (one or several)."""
    settings: Any = getattr(model, "generation_config", None)
    named = getattr(settings, "eos_token_id", None)
    ids = set(named) if isinstance(named, list) else {named}
    return {index for index in {*ids, tokenizer.eos_token_id} if index is not None}


def _with_adapters(model: PreTrainedModel, lora: LoRAConfig) -> nn.Module:
    """Puts low-rank adapters on the model's chosen layers; only they stay trainable."""
    from peft import LoraConfig, get_peft_model

    settings = LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,  # type: ignore[arg-type]
        lora_dropout=lora.dropout,
        target_modules=list(lora.targets),
        task_type="CAUSAL_LM",
    )
    return get_peft_model(model, settings)
