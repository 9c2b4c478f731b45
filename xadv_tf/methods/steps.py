"""A phase of a step: terms to objectives, one backward pass an objective, updates."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from xadv_tf.methods import reductions, regularization
from xadv_tf.methods.players import Batch, Phase, Player


def run(
    phase: Phase, batch: Batch, objectives: Mapping[str, Mapping[str, Any]], step: Any
) -> dict[str, tf.Tensor]:
    """Works out the phase's losses, moves its players, and says what it saw.

    Args:
        phase: whose turn it is.
        batch: this replica's.
        objectives: {objective: {term: weight}}, a weight being a number or a function of the step.
        step: steps finished before this one, integer scalar.

    Returns:
        This replica's shares of each raw term, each objective (what regularizers of the players'
        weights ask included), `gradient_norm/<player>`, and `weight/<term>` where that changes with
        the step: summed over replicas they are the values.
    """
    replicas = reductions.num_replicas()
    teams: dict[str, list[Player]] = {}
    for player in phase.players:
        teams.setdefault(player.objective, []).append(player)
    with tf.GradientTape(persistent=len(teams) > 1, watch_accessed_variables=False) as tape:
        for player in phase.players:
            tape.watch([variable.value for variable in player.variables])
        terms = reductions.shares_of_global_means(phase.losses(batch), replicas)
        weights = {name: _weights(objectives[name], terms, step) for name in teams}
        totals = {
            name: tf.add_n([weight * terms[term] for term, weight in weights[name].items()])
            for name in teams
        }
        for name, team in teams.items():
            asked = regularization.penalty(team, replicas)
            if asked is not None:
                totals[name] += asked
    logs = {**terms, **totals}
    for name, team in teams.items():
        for term, weight in weights[name].items():
            if callable(objectives[name][term]):
                logs[f"weight/{term}"] = weight / replicas
        gradients = tape.gradient(
            totals[name], [[v.value for v in player.variables] for player in team]
        )
        for player, player_gradients in zip(team, gradients, strict=True):
            norm, sums = reductions.norm_and_sums(player_gradients, replicas)
            logs[f"gradient_norm/{player.name}"] = norm / replicas
            if any(gradient is not None for gradient in sums):
                player.optimizer.apply(sums, player.variables)
    return logs


def _weights(objective: Mapping[str, Any], terms: Mapping[str, Any], step: Any) -> dict[str, Any]:
    """The weights of this step; a constant 0 is left out, it costs no backward pass."""
    return {
        term: tf.cast(weight(step), tf.float32) if callable(weight) else weight
        for term, weight in objective.items()
        if term in terms and (callable(weight) or weight != 0.0)
    }
