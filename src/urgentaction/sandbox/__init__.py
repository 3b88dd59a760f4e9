"""Stand-in gateways: a program of its own for the demo and the tests.

It speaks SMTP, Twilio's Messages API and Telnyx's Fax API over real sockets, writes down everything it accepted
before it says so, and gets into trouble on request. It knows nothing of the rest of the project and imports none of
it, so that a mistake there can't hide behind the same mistake here. README.md in this folder describes the faults.
"""
