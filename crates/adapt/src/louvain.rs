//! Clusters of a small batch of cells: neighbours, then modularity (Blondel et al. 2008).

use ndarray::ArrayView2;

/// The graph of the k nearest rows by Euclidean distance, each row its own nearest, as (row, neighbour, distance) in
/// the order of the rows and, within one, of the distance.
pub(crate) fn neighbours(x: ArrayView2<f32>, k: usize) -> Vec<(usize, usize, f64)> {
    let n = x.nrows();
    let mut edges = Vec::with_capacity(n * k);
    for i in 0..n {
        let mut near: Vec<(f64, usize)> = (0..n)
            .map(|j| {
                let d: f64 = x.row(i).iter().zip(x.row(j)).map(|(a, b)| f64::from(a - b).powi(2)).sum();
                (d.sqrt(), j)
            })
            .collect();
        near.sort_by(|a, b| a.0.total_cmp(&b.0).then((a.1 != i).cmp(&(b.1 != i))).then(a.1.cmp(&b.1)));
        edges.extend(near.into_iter().take(k).map(|(d, j)| (i, j, d)));
    }
    edges
}

/// Communities of an undirected weighted graph of `n` nodes; an edge given in both directions counts once, with the
/// weight of its last mention. Nodes are visited in order, so that the result is always the same.
pub(crate) fn louvain(n: usize, edges: &[(usize, usize, f64)]) -> Vec<usize> {
    let mut unique = std::collections::BTreeMap::new();
    for &(i, j, w) in edges {
        unique.insert((i.min(j), i.max(j)), w);
    }
    let mut graph: Vec<Vec<(usize, f64)>> = vec![Vec::new(); n];
    for ((i, j), w) in unique {
        graph[i].push((j, w));
        if i != j {
            graph[j].push((i, w));
        }
    }
    let mut member: Vec<usize> = (0..n).collect();
    loop {
        let (community, moved) = local_moves(&graph);
        if !moved {
            return member;
        }
        member.iter_mut().for_each(|m| *m = community[*m]);
        graph = aggregate(&graph, &community);
    }
}

fn local_moves(graph: &[Vec<(usize, f64)>]) -> (Vec<usize>, bool) {
    let n = graph.len();
    // A loop counts twice in the degree.
    let degree: Vec<f64> = graph
        .iter()
        .enumerate()
        .map(|(i, e)| e.iter().map(|&(j, w)| if i == j { 2.0 * w } else { w }).sum())
        .collect();
    let twice: f64 = degree.iter().sum();
    let mut community: Vec<usize> = (0..n).collect();
    let mut total = degree.clone();
    let mut moved = false;
    if twice <= 0.0 {
        return (community, false);
    }
    loop {
        let mut changed = false;
        for i in 0..n {
            let mut links = std::collections::BTreeMap::new();
            for &(j, w) in graph[i].iter().filter(|(j, _)| *j != i) {
                *links.entry(community[j]).or_insert(0.0) += w;
            }
            let own = community[i];
            total[own] -= degree[i];
            let gain = |c: usize, w: f64| w - total[c] * degree[i] / twice;
            let stay = gain(own, links.get(&own).copied().unwrap_or(0.0));
            let (mut best, mut most) = (own, stay);
            for (&c, &w) in &links {
                if gain(c, w) > most + 1e-12 {
                    (best, most) = (c, gain(c, w));
                }
            }
            total[best] += degree[i];
            if best != own {
                community[i] = best;
                changed = true;
                moved = true;
            }
        }
        if !changed {
            break;
        }
    }
    let mut names = std::collections::HashMap::new();
    for c in &mut community {
        let next = names.len();
        *c = *names.entry(*c).or_insert(next);
    }
    (community, moved)
}

fn aggregate(graph: &[Vec<(usize, f64)>], community: &[usize]) -> Vec<Vec<(usize, f64)>> {
    let n = community.iter().max().map_or(0, |m| m + 1);
    let mut weights = std::collections::BTreeMap::new();
    for (i, edges) in graph.iter().enumerate() {
        // Every edge between two nodes is stored twice, a loop once.
        for &(j, w) in edges.iter().filter(|(j, _)| *j >= i) {
            let (a, b) = (community[i].min(community[j]), community[i].max(community[j]));
            *weights.entry((a, b)).or_insert(0.0) += w;
        }
    }
    let mut out = vec![Vec::new(); n];
    for ((a, b), w) in weights {
        out[a].push((b, w));
        if a != b {
            out[b].push((a, w));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_cliques_joined_by_one_edge_are_two_communities() {
        let clique = |s: usize| (s..s + 5).flat_map(move |i| (s..i).map(move |j| (i, j, 1.0)));
        let edges: Vec<_> = clique(0).chain(clique(5)).chain([(0, 5, 1.0)]).collect();
        assert_eq!(louvain(10, &edges), [0, 0, 0, 0, 0, 1, 1, 1, 1, 1]);
    }

    #[test]
    fn rows_are_their_own_nearest_neighbour() {
        let x = ndarray::array![[0.0f32, 0.0], [0.0, 0.0], [3.0, 4.0]];
        let edges = neighbours(x.view(), 2);
        assert_eq!(edges, [(0, 0, 0.0), (0, 1, 0.0), (1, 1, 0.0), (1, 0, 0.0), (2, 2, 0.0), (2, 0, 5.0)]);
    }
}
