"""The engine: how an operation is applied, remembered on the tape, and differentiated. It knows no operation.

In the order to read them: ``primitive`` (name, forward, one VJP for each input), ``tape`` (the nodes), ``values``
(``record`` makes them), ``apply``, ``walk`` (the way back), ``broadcasting``, ``backward`` (``grad`` and ``backward``).
What makes them safe: ``first_use``, ``versions``, ``checks``, ``views``. What surrounds them: ``modes``, ``hooks``,
``call_sites``.
"""
