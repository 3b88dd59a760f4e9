"""Channels: how a letter or notice leaves. One contract, one folder a gateway, one registry line.

A channel never sees a model, a session or Django settings: frozen dataclasses in, frozen dataclasses out.
"""
