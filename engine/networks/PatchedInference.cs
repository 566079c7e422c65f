using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Ops;
using Iba.Engine.Tensors;

namespace Iba.Engine.Networks;

/// <summary>
/// Runs a network on an image and on versions of it in which one square patch each has another colour. The first layers are computed only in the
/// pixels that the patch can reach; all others have the image's values. The results have the bits of passes of the whole versions. Only where
/// <see cref="IBackend.ComputesWindows"/>.
/// </summary>
public sealed class PatchedInference : IDisposable
{
    private readonly Tape _tape;
    private readonly TensorScope _tensors;
    private readonly Tensor _image;
    private readonly Tensor _patch;
    private readonly Value _logits;
    private readonly List<Group> _groups = [];
    private readonly int _columns;

    /// <param name="network">The network.</param>
    /// <param name="image">(1, H, W, C) the shape of an image.</param>
    /// <param name="patch">The side of a patch in pixels. Adjacent patches cover the image; the last ones are cut off at its edges.</param>
    /// <param name="rows">How many versions run at once, at most.</param>
    /// <exception cref="ShapeException">The network cannot take that image.</exception>
    public PatchedInference(Network network, Shape image, int patch, int rows) : this(network, image, patch, rows, farthest: false)
    {
    }

    /// <param name="network">The network.</param>
    /// <param name="image">(1, H, W, C) the shape of an image.</param>
    /// <param name="patch">The side of a patch in pixels.</param>
    /// <param name="rows">How many versions run at once, at most.</param>
    /// <param name="farthest">Whether to compute as many layers on windows as possible, even where that is slower: for tests, whose images are small.</param>
    internal PatchedInference(Network network, Shape image, int patch, int rows, bool farthest)
    {
        ArgumentNullException.ThrowIfNull(network);
        IBackend backend = network.Backend;
        _columns = Patches(image.W, patch);
        Count = _columns * Patches(image.H, patch);
        _tensors = new TensorScope(backend);
        _tape = new Tape(backend);
        try
        {
            _image = _tensors.Allocate(image.WithN(1));
            _patch = _tensors.Allocate(new Shape(1, Math.Min(patch, image.H), Math.Min(patch, image.W), image.C));
            Value input = _tape.Constant(_image, "input");
            _logits = network.Record(input);
            Value?[] ends = Ends(network, _tape);
            (int[] Rows, int[] Columns, WindowPlan Plan)[] plans = Best(_tape, ends, input, patch, farthest);
            _tape.Plan(null, [_logits, .. plans.SelectMany(group => group.Plan.Steps.Select(step => step.Line)).Distinct()]);
            foreach ((int[] ofRows, int[] ofColumns, WindowPlan plan) in plans)
                _groups.Add(new Group(network, this, input, ofRows, ofColumns, plan, rows));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The number of patches, row by row.</summary>
    public int Count { get; }

    /// <summary>Elements of memory allocated for the versions that run at once.</summary>
    public long ArenaCount => _groups.Sum(group => group.ArenaCount);

    /// <summary>Elements of memory allocated for the image, whatever the number of versions: pixels, the patch, and what the versions share.</summary>
    public long SharedCount => _tape.ArenaCount + _image.Shape.Count + _patch.Shape.Count;

    /// <summary>The number of lines that are computed on windows, in all groups of patches.</summary>
    internal int WindowLines => _groups.Sum(group => group.Plan.Steps.Count);

    /// <summary>
    /// Multiply-adds of all versions relative to those of passes of the whole versions, with what copies cost: from shapes alone.
    /// </summary>
    internal double RelativeCost => _groups.Sum(group => group.Count * group.Plan.Cost) / (Count * WindowPlan.WholeCost(_tape));

    /// <summary>Runs the image and all versions, and returns their logits: the image's first, then those of the patches.</summary>
    /// <param name="pixels">H x W x C elements.</param>
    /// <param name="colour">C elements: what replaces the pixels of a patch.</param>
    /// <param name="done">Called with the number of rows that are done, before the next ones.</param>
    public float[][] Run(ReadOnlySpan<float> pixels, ReadOnlySpan<float> colour, Action<int> done)
    {
        ArgumentNullException.ThrowIfNull(done);
        IBackend backend = _tape.Backend;
        using Backend.Call run = backend.Enter("PatchedInference.Run");
        var fill = new float[_patch.Shape.Count];
        for (int i = 0; i < fill.Length; i++)
            fill[i] = colour[i % colour.Length];
        backend.Upload(pixels, _image);
        backend.Upload(fill, _patch);
        done(0);
        _tape.Forward();
        var logits = new float[Count + 1][];
        logits[0] = backend.Read(_logits);
        int finished = 1;
        foreach (Group group in _groups)
        {
            for (int first = 0; first < group.Count; first += group.Batch)
            {
                done(finished);
                finished += group.Run(first, logits.AsSpan(1), _columns);
            }
        }
        return logits;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Group group in _groups)
            group.Dispose();
        _tape.Dispose();
        _tensors.Dispose();
    }

    private static int Patches(int extent, int patch) => (int)(((long)extent + patch - 1) / patch);

    /// <summary>The last line of each layer; null for a layer without lines of its own.</summary>
    private static Value?[] Ends(Network network, Tape tape)
    {
        var ends = new Value?[network.Layers.Count];
        int line = -1;
        for (int layer = 0; layer < ends.Length; layer++)
        {
            ends[layer] = tape.FirstOrDefault(value => value.Line > line && value.Op is not null && value.Name == network.Layers[layer].Name);
            line = ends[layer]?.Line ?? line;
        }
        return ends;
    }

    /// <summary>
    /// Windows have one size in a group of patches. Those near the edges need smaller ones, because the image ends there; so they are groups of their own,
    /// as many rows and columns of patches as cost least.
    /// </summary>
    private static (int[] Rows, int[] Columns, WindowPlan Plan)[] Best(
        Tape tape, Value?[] ends, Value image, int patch, bool farthest)
    {
        const int Tried = 16;
        (int rows, int columns) = (Patches(image.Shape.H, patch), Patches(image.Shape.W, patch));
        int most = Math.Max(rows, columns) / 2;
        return Enumerable.Range(0, most + 1).Where(edge => edge % (most / Tried + 1) == 0)
            .Select(edge => (from r in Split(rows, edge) from c in Split(columns, edge) select (Rows: r, Columns: c, Plan: Plan(r, c))).ToArray())
            .MinBy(groups => groups.Sum(group => group.Rows.Length * (double)group.Columns.Length * group.Plan.Cost))!;

        WindowPlan Plan(int[] r, int[] c) => new(tape, ends, image, new Windows(
            WindowAxis.OfPatches(image.Shape.H, patch, r), WindowAxis.OfPatches(image.Shape.W, patch, c)), farthest);
    }

    /// <summary>The patches along an axis, those near its ends apart from those between.</summary>
    private static IEnumerable<int[]> Split(int patches, int edge) => Enumerable.Range(0, patches)
        .GroupBy(patch => patch < edge || patch >= patches - edge).Select(group => group.ToArray());

    /// <summary>Patches whose windows have the same sizes.</summary>
    private sealed class Group : IDisposable
    {
        private readonly int[] _rows;
        private readonly int[] _columns;
        private readonly Tape _tape;
        private readonly Value _logits;

        /// <summary>For each row of the batch, its patch's place among those of the group's rows and columns.</summary>
        private readonly (int Row, int Column)[] _places;

        public Group(Network network, PatchedInference of, Value image, int[] rows, int[] columns, WindowPlan plan, int most)
        {
            (_rows, _columns, Plan) = (rows, columns, plan);
            int batches = (Count + most - 1) / most;
            Batch = (Count + batches - 1) / batches;
            _places = new (int, int)[Batch];
            _tape = new Tape(network.Backend);
            try
            {
                _logits = Record(network, of, image);
                _tape.Plan(null, _logits);
            }
            catch
            {
                _tape.Dispose();
                throw;
            }
        }

        public WindowPlan Plan { get; }

        public int Count => _rows.Length * _columns.Length;

        public int Batch { get; }

        /// <summary>Records the plan's lines on windows and the rest of the network on whole images; returns the logits.</summary>
        private Value Record(Network network, PatchedInference of, Value image)
        {
            var known = new Dictionary<Value, (Value Value, Windows Windows)> { [image] = (_tape.Constant(of._patch, "patch"), Plan.Patches) };
            var leaves = new Dictionary<Value, Value>();
            Value last = image;
            foreach (WindowStep step in Plan.Steps)
            {
                Value[] inputs = [.. step.Line.Inputs.Select((input, i) => !known.ContainsKey(input) ? Leaf(input)
                    : i == 0 ? Inlaid(input, step.Input) : Inlaid(input, step.Residual))];
                last = step.Line;
                known.Add(last, (_tape.Record(step.Op, inputs).Named(last.Name), step.Output));
            }
            var whole = new Windows(known[last].Windows.Rows.Whole(), known[last].Windows.Columns.Whole());
            var rest = new Network(network.Name, network.Backend, [.. network.Layers.Skip(Plan.Layers)]);
            return rest.Record(Inlaid(last, whole));

            Value Leaf(Value leaf) => leaves.TryGetValue(leaf, out Value? known) ? known : leaves[leaf] = _tape.Constant(leaf.Data, leaf.Name);

            Value Inlaid(Value line, Windows? into)
            {
                (Value value, Windows windows) = known[line];
                return into is null ? value : _tape.Record(new Inlay(windows, into, _places), Leaf(line), value);
            }
        }

        public long ArenaCount => _tape.ArenaCount;

        /// <summary>Runs some patches, and returns how many.</summary>
        /// <param name="first">The first, counted in the group.</param>
        /// <param name="logits">Receives the logits of each patch of the image.</param>
        /// <param name="columns">Patches in a row of the image.</param>
        public int Run(int first, Span<float[]> logits, int columns)
        {
            // The last batch is filled up with its last patch.
            for (int row = 0; row < Batch; row++)
                _places[row] = Math.DivRem(Math.Min(first + row, Count - 1), _columns.Length);
            _tape.Forward();
            float[] all = _tape.Backend.Read(_logits);
            int count = Math.Min(Batch, Count - first), classes = all.Length / Batch;
            for (int row = 0; row < count; row++)
                logits[_rows[_places[row].Row] * columns + _columns[_places[row].Column]] = all[(row * classes)..((row + 1) * classes)];
            return count;
        }

        public void Dispose() => _tape.Dispose();
    }
}
