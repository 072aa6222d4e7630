"""Trains the weights in ``rag/weights`` on one's own notes and questions, or on other ones.

    python -m rag.training ranking --notes FOLDER --questions FILE --out ranking.safetensors
    python -m rag.training judge --notes FOLDER --questions FILE --written FOLDER --out judge.safetensors

Ranking: examples -> mined negatives -> trained layers -> calibration -> weights and model card.
Judge: claims and questions, written and made, over a few sentences -> trained layers -> calibration -> weights and
model card.
"""
