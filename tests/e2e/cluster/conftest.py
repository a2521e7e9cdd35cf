# SPDX-License-Identifier: Apache-2.0
"""What the cluster's tests share: clusters that end with their test."""
import pytest
from cluster import cluster


@pytest.fixture
def make_cluster(tmp_path):
    """make_cluster(size=3, **options of cluster): started, all links up."""
    made: list[cluster] = []

    def make(size: int = 3, **options) -> cluster:
        made.append(cluster(tmp_path, size, **options))
        return made[-1].start()

    yield make
    for one in made:
        one.close()


@pytest.fixture
def three(make_cluster):
    return make_cluster(3)
