"""Training of the weights in ``rag/weights``: examples -> mined negatives -> trained layers -> calibration -> file.

python -m rag.training ranking --notes FOLDER --questions FILE --out FOLDER
python -m rag.training judge --claims FILE --out FOLDER
python -m rag.training evaluate --notes FOLDER --questions FILE --weights FILE
"""
