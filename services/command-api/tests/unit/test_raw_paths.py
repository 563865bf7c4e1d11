"""Path parameters as text and as they are sent."""

from hypothesis import given
from hypothesis import strategies as st

from command_api.http.requests.raw_paths import SegmentConvertor


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_segment_goes_there_and_back(station_id: str) -> None:
    convertor = SegmentConvertor()
    sent = convertor.to_string(station_id)
    assert "/" not in sent
    assert sent.isascii()
    assert convertor.convert(sent) == station_id
