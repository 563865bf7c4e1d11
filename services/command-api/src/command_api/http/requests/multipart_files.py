"""The file inside a multipart form (RFC 7578), as it streams by."""

from collections.abc import AsyncIterator

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from csms_shared.contracts.refusals import refuse


class MultipartFile:
    """Yields the first file of a form; its name is known once the first bytes came."""

    def __init__(self, content_type: str, body: AsyncIterator[bytes]) -> None:
        kind, options = parse_options_header(content_type)
        boundary = options.get(b"boundary")
        if kind != b"multipart/form-data" or not boundary:
            raise refuse(422, "validation_failed", "the form has no boundary")
        self.name: str | None = None
        self._body = body
        self._taken: list[bytes] = []
        self._field, self._value = b"", b""
        self._disposition = b""
        self._reading = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._on_field,
                "on_header_value": self._on_value,
                "on_header_end": self._on_header,
                "on_headers_finished": self._on_headers,
                "on_part_data": self._on_data,
                "on_part_end": self._end,
            },
        )

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the file's bytes.

        Raises:
            ProblemRaised: the body is no such form, or holds no file.
        """
        try:
            async for chunk in self._body:
                self._parser.write(chunk)
                taken, self._taken = self._taken, []
                for part in taken:
                    yield part
            self._parser.finalize()
        except MultipartParseError as error:
            raise refuse(422, "validation_failed", f"the form is not valid: {error}") from error
        if self.name is None:
            raise refuse(422, "validation_failed", "the form holds no file")

    def _begin(self) -> None:
        self._disposition = b""

    def _on_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header(self) -> None:
        if self._field.lower() == b"content-disposition":
            self._disposition = self._value
        self._field, self._value = b"", b""

    def _on_headers(self) -> None:
        _, options = parse_options_header(self._disposition)
        name = options.get(b"filename")
        if self.name is None and name is not None:
            self.name, self._reading = name.decode(errors="replace"), True

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        if self._reading:
            self._taken.append(data[start:end])

    def _end(self) -> None:
        self._reading = False
