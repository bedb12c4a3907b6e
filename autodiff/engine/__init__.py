"""The engine: how an operation is applied, remembered on the tape, and differentiated. It knows no operation.

In the order to read them: ``primitive`` (name, forward, one VJP for each input), ``apply``, ``tape`` (the nodes),
``walk`` (the way back), ``broadcasting``, ``backward`` (``grad`` and ``backward``). What makes them safe: ``versions``
and ``checks`` (changes in place), ``views``. What surrounds them: ``modes``, ``hooks``, ``call_sites``.
"""
