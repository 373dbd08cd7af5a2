"""The frozen, validated description of one AnomalyGPT model.

Every width, layer index, patch grid and stop string of the system is stated here and nowhere else. Unknown keys are
refused, and so are settings that contradict each other, when the config is made.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from anomalygpt.config.base import ConfigError, Frozen, Natural, Positive, Unit


class EncoderConfig(Frozen):
    """The CLIP model that sees (open_clip form) and where its patch features are taken.

    Attributes:
        source: a published model to be taken as it is, by open_clip's name and weights ("ViT-B-16:laion2b_s34b_b88k",
            "ViT-B-16:weights.safetensors") or a folder in open_clip's form. All else but this is then read from it,
            and must be left out.
        architecture: an open_clip model config (`embed_dim`, `vision_cfg`, `text_cfg`).
        image_size: side of the square input in pixels.
        layers: indices of the blocks or stages whose raw outputs are the patch features.
        widths: channels of each of those layers.
        grids: patches per side of each of those layers.
        mean, std: normalisation of RGB in [0, 1].
        bfloat16: outside training too, compute in bfloat16 where the processor is fast at it.
        resampling: how photos are brought to that size: "area", or "bicubic" as the published CLIP models do.
    """

    source: str | None = None
    architecture: dict[str, Any] = Field(default={})
    image_size: Natural = 0
    layers: tuple[Natural, ...] = ()
    widths: tuple[Positive, ...] = ()
    grids: tuple[Positive, ...] = ()
    mean: tuple[float, float, float] = (0.48145466, 0.4578275, 0.40821073)
    std: tuple[float, float, float] = (0.26862954, 0.26130258, 0.27577711)
    bfloat16: bool = False
    resampling: Literal["area", "bicubic"] = "area"

    @property
    def embed_dim(self) -> int:
        """Width of the joint embedding of image and text."""
        return int(self.architecture["embed_dim"])

    @model_validator(mode="after")
    def _agree(self) -> EncoderConfig:
        if self.source is not None:
            if self.architecture or self.image_size or self.layers or self.widths or self.grids:
                raise ValueError("encoder.source names a model that has its own sizes: leave out all else but source")
            return self
        if not (self.architecture and self.image_size and self.layers):
            raise ValueError("encoder needs architecture, image_size and layers, or a source to read them from")
        for key in ("embed_dim", "vision_cfg", "text_cfg"):
            if key not in self.architecture:
                raise ValueError(f"encoder.architecture lacks '{key}', which every open_clip architecture has")
        if not len(self.layers) == len(self.widths) == len(self.grids):
            raise ValueError(
                "encoder.layers, encoder.widths and encoder.grids must be of one length, one entry a layer"
            )
        if list(self.layers) != sorted(set(self.layers)):
            raise ValueError("encoder.layers must rise and not repeat")
        return self


class DecoderConfig(Frozen):
    """The text-guided anomaly decoder (paper, section 3.2, equation 1).

    Attributes:
        form: "adapters" (a trained linear layer for each layer of patches, as published) or "projection" (nothing is
            trained: CLIP's own last layer norm and projection, on the last layer of patches alone).
        temperature: factor on the cosine before the softmax (100 as published).
    """

    form: Literal["adapters", "projection"] = "adapters"
    temperature: float = Field(default=100.0, gt=0)


class MemoryConfig(Frozen):
    """How query patches look for their like among the reference patches.

    Attributes:
        window: half side of the position-aware search, as a share of the photo; 0 leaves that search out.
        rotations: also keep copies of each reference turned by 90, 180 and 270 degrees, and mirrored.
        alignment: also look at a part that lies turned or shifted before a plain background as the first reference
            lies.
        coarse_search: find the nearest patches in bfloat16 where the processor is fast at it; the distances are then
            those of the patches found, in full precision. Embeddings trained so lose nothing by it.
        max_references: how many normal photos one session may hold.
    """

    window: Unit = 0.0
    rotations: bool = False
    alignment: bool = False
    coarse_search: bool = False
    max_references: Positive = 16


class FusionConfig(Frozen):
    """How text map and reference map become one map.

    Attributes:
        rule: "paper" (a reference replaces the text map) or "fused" (a learned, calibrated union).
        channels: width of the fusion network, None where there is none.
        residual: channels to which the difference between a patch and its match is projected, per layer.
        calibrated: with rule "paper", set the reference map to 0.5 at the distance that the references themselves
            show to be normal. Without it the distances are those of the paper, and 0.5 means nothing.
    """

    rule: Literal["paper", "fused"] = "paper"
    channels: Positive | None = None
    residual: Natural = 0
    calibrated: bool = False

    @model_validator(mode="after")
    def _agree(self) -> FusionConfig:
        if self.rule == "fused" and self.channels is None:
            raise ValueError("fusion.rule 'fused' needs fusion.channels: the width of the network that fuses")
        if self.rule == "fused" and self.calibrated:
            raise ValueError("fusion.calibrated goes with rule 'paper': the fused map is calibrated by its training")
        return self


class PromptLearnerConfig(Frozen):
    """The network that turns a map into prompt vectors (paper, section 3.2).

    Attributes:
        map_size: side of the map that it reads.
        channels: of the convolution blocks, the map's single channel not counted; each block halves the side.
        kernel: side of the last convolution, without padding.
        base_vectors: learned vectors in front, the same for every photo.
        region_vectors: how many of the strongest regions also give their look (encoder features pooled under
            the region) as a vector each; 0 is the paper's form.
    """

    map_size: Positive
    channels: tuple[Positive, ...] = Field(min_length=1)
    kernel: Positive
    base_vectors: Natural
    region_vectors: Natural = 0

    @property
    def grid(self) -> int:
        """Side of the square of vectors that comes out of the last convolution."""
        return self.map_size // 2 ** len(self.channels) - self.kernel + 1

    @property
    def vectors(self) -> int:
        """How many vectors the language model receives."""
        return self.base_vectors + self.grid**2 + self.region_vectors

    @model_validator(mode="after")
    def _agree(self) -> PromptLearnerConfig:
        if self.grid < 1:
            raise ValueError("prompt_learner: the blocks and the kernel leave nothing of the map; use fewer or smaller")
        return self


class LoRAConfig(Frozen):
    """Low-rank adapters on the language model (PandaGPT's as published: r 32, alpha 32, q k v o)."""

    rank: Positive = 32
    alpha: float = 32.0
    dropout: Unit = 0.1
    targets: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj")


class LanguageConfig(Frozen):
    """The causal language model.

    Attributes:
        source: a published chat model to be taken as it is: a transformers folder, or a name on the hub. The
            architecture is then read from it, and must be left out.
        architecture: keywords of transformers' `LlamaConfig`, or of another where it names a `model_type`.
        lora: adapters on it, or None.
    """

    source: str | None = None
    architecture: dict[str, Any] = Field(default={})
    lora: LoRAConfig | None = None

    @property
    def hidden_size(self) -> int:
        """Width of the token embeddings, and of every prompt vector."""
        return int(self.architecture["hidden_size"])

    @property
    def max_positions(self) -> int:
        """Longest prompt and answer together, in tokens."""
        return int(self.architecture["max_position_embeddings"])

    @model_validator(mode="after")
    def _agree(self) -> LanguageConfig:
        if self.source is not None:
            if self.architecture or self.lora is not None:
                raise ValueError("language.source names a whole model: leave out architecture and lora")
            return self
        for key in ("hidden_size", "vocab_size", "num_hidden_layers", "max_position_embeddings"):
            if key not in self.architecture:
                raise ValueError(f"language.architecture lacks '{key}'")
        return self


class PromptFormatConfig(Frozen):
    """The strings around image, map and words (facts: the published form is the default).

    The first turn reads `first_human + image_open`, image vector, `image_close`, prompt vectors, then (if
    `evidence`) the measured numbers as text, the description and the question, then `assistant`. The answer ends
    with `stop`. A later turn reads `later_human`, question, `assistant`.

    Attributes:
        lead: stands between `assistant` and the answer.
        evidence: whether the measured numbers stand in the first turn.
        instruction: what the language model is told to do with them, in front of them.
        plan: whether every answer begins with one unseen token that says of what kind the question is. The choice among
            some fifty kinds is then learned as such, and not through the many wordings that follow from it.
        chat_template: for language models that were not trained with an eye. No vectors stand in the prompt, and the
            strings are those of the model's own chat template, whatever this config says.
    """

    first_human: str = "### Human: "
    image_open: str = "<Img>"
    image_close: str = "</Img> "
    later_human: str = " Human: "
    assistant: str = "\n### Assistant:"
    lead: str = " "
    stop: str = "\n###"
    evidence: bool = False
    plan: bool = False
    instruction: str = ""
    chat_template: bool = False

    @model_validator(mode="after")
    def _agree(self) -> PromptFormatConfig:
        if not self.stop:
            raise ValueError("prompt_format.stop must not be empty: no answer would ever end")
        if self.chat_template and not (self.evidence and self.instruction):
            raise ValueError(
                "prompt_format.chat_template needs evidence and an instruction: the model knows of the photo what "
                "stands in the prompt, and nothing else"
            )
        return self


class QuestionReaderConfig(Frozen):
    """A linear reader of questions beside the language model, which helps to plan answers.

    Attributes:
        kinds: of questions, by name, in the order of its outputs.
        buckets: pieces of text are told apart by their hash among so many.
        longest: characters of the longest piece.
    """

    kinds: tuple[str, ...]
    buckets: Positive = 32768
    longest: Positive = 5


class KindReaderConfig(Frozen):
    """A small network that says what kind of defect a region may be, for questions that offer kinds to choose from.

    Attributes:
        kinds: of defects, by name, in the order of its outputs.
        width: of its two hidden layers.
    """

    kinds: tuple[str, ...]
    width: Positive = 64


class GenerationConfig(Frozen):
    """Default decoding settings. Temperature 0 is greedy.

    Attributes:
        known_figures: whether answers are kept to figures that the model has read (measured, told, asked). Small models
            slip between digits; one that knows of the world has figures of its own.
        known_words: whether answers state only colours, shapes and counts that were measured, and of options only such
            that the measurement does not contradict; likewise.
    """

    temperature: float = Field(default=0.0, ge=0.0, le=2.0)
    top_p: float = Field(default=0.9, gt=0.0, le=1.0)
    max_new_tokens: Positive = 160
    known_figures: bool = False
    known_words: bool = False


class AnomalyGPTConfig(Frozen):
    """One whole model.

    Attributes:
        prompt_learner: None exactly where the prompt format is a chat template.
        products: names among which the encoder tells what a part is (CLIP's zero-shot rule); the measured evidence then
            says it. Empty: it is not asked.
        question_reader: None: the language model alone plans answers, where they are planned.
        kind_reader: None: nothing leans to any kind of defect.
    """

    name: str
    encoder: EncoderConfig
    products: tuple[str, ...] = ()
    decoder: DecoderConfig = DecoderConfig()
    memory: MemoryConfig = MemoryConfig()
    fusion: FusionConfig = FusionConfig()
    prompt_learner: PromptLearnerConfig | None = None
    language: LanguageConfig
    prompt_format: PromptFormatConfig = PromptFormatConfig()
    question_reader: QuestionReaderConfig | None = None
    kind_reader: KindReaderConfig | None = None
    generation: GenerationConfig = GenerationConfig()

    @property
    def published(self) -> bool:
        """Whether parts of it are still to be read from where they are published."""
        return self.encoder.source is not None or self.language.source is not None

    @property
    def trainable_prompt_learner(self) -> PromptLearnerConfig:
        """The prompt learner's config, for training.

        Raises:
            ConfigError: the model has none.
        """
        if self.prompt_learner is None:
            raise ConfigError(f"Model '{self.name}' speaks through a chat template and has no prompt vectors to train.")
        return self.prompt_learner

    @model_validator(mode="after")
    def _agree(self) -> AnomalyGPTConfig:
        if (self.prompt_learner is None) != self.prompt_format.chat_template:
            raise ValueError(
                "prompt_learner goes with prompt vectors, and there are none with prompt_format.chat_template: "
                "give one of the two"
            )
        if self.question_reader is not None and not self.prompt_format.plan:
            raise ValueError("question_reader needs prompt_format.plan: without plans it has nothing to say")
        for rule in ("known_figures", "known_words"):
            if getattr(self.generation, rule) and not self.prompt_format.evidence:
                raise ValueError(f"generation.{rule} needs prompt_format.evidence: nothing is told without it")
        if self.decoder.form == "projection" and self.fusion.channels is not None:
            raise ValueError("fusion.channels needs a text map of every layer, which decoder.form 'projection' lacks")
        if self.published:
            if self.encoder.source is None or self.language.source is None or self.decoder.form != "projection":
                raise ValueError(
                    "encoder.source and language.source go together, and with decoder.form 'projection': nothing is "
                    "trained for parts that are taken as they are"
                )
            return self
        vectors = 0 if self.prompt_learner is None else self.prompt_learner.vectors
        room = self.language.max_positions - vectors - 1
        if self.generation.max_new_tokens >= room:
            raise ValueError(
                f"generation.max_new_tokens ({self.generation.max_new_tokens}) leaves no room for the question: "
                f"the language model holds {self.language.max_positions} positions"
            )
        return self
