using System.IO.Compression;
using System.Text;
using Fuzz;
using Iba.Engine.Files;
using Iba.Weights;
using Iba.Weights.Containers;
using Iba.Weights.Torch;
using Xunit;
using static Tests.Weights.Fixture;

namespace Tests.Weights;

/// <summary>
/// Small files that demand large resources. Whatever a file contains, opening it allocates at most 100 times its size plus 64 MB: the figure counts every
/// object that was ever made, so it bounds the memory from above, and the work as well.
/// </summary>
public sealed class BudgetTests : IDisposable
{
    private const string SomeCall = "cx\ny\n";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>Name, what comes first, what is repeated, what comes last.</summary>
    public static TheoryData<string, string, string, string> Pickles => new()
    {
        { "empty tuples", "(", ")", "t." },
        { "empty lists", "(", "]", "t." },
        { "empty dictionaries", "(", "}", "t." },
        { "empty sets", "(", "\x8f", "t." },
        { "empty texts", "(", "X\0\0\0\0", "t." },
        { "numbers", "(", "K\x01", "t." },
        { "floats", "(", "G\0\0\0\0\0\0\0\0", "t." },
        { "wide integers", "(", "\x8a\x09\0\0\0\0\0\0\0\0\x01", "t." },
        { "dictionaries of one", "(", "}NNs", "t." },
        { "a dictionary's pairs", "}(", "\x8a\x01\x01NI1\nN", "u." },
        { "names", "(", "ca\nb\n", "t." },
        { "objects", SomeCall + "q\0(", "h\0)R", "t." },
        { "objects with states", SomeCall + "q\0(", "h\0)R}b", "t." },
        { "objects with items", SomeCall + "q\0(", "h\0)RNNs", "t." },
        { "objects with elements", SomeCall + "q\0(", "h\0)RNa", "t." },
        { "doubled tuples", ")", "2\x86", "." },
        { "doubled lists", "]q\0", "](h\0h\0eq\0", "." },
        { "doubled dictionaries", "}q\0", "}(K\x01h\0K\x02h\0uq\0", "." },
        { "nested calls", SomeCall + "q\0)", "\x85h\0\x8c\x01x\x86R", "." },
        { "memo", "N", "\x94", "." },
        { "memo with gaps", "N", "r\0\0\xff\0r\0\0\0\0", "." },
        { "copies of a set's items", "](" + new string('N', 50_000) + "eq\0", "0cbuiltins\nset\nh\0\x85R", "." },
        { "copies of pairs", "](" + string.Concat(Enumerable.Repeat("NN\x86", 20_000)) + "eq\0", "0ccollections\nOrderedDict\nh\0\x85R", "." },
        { "copies of a text", "X\0\0\x01\0" + new string('a', 65_536) + "q\0", "0c_codecs\nencode\nh\0X\x06\0\0\0latin1\x86R", "." },
        { "shapes", "(" + string.Concat(Enumerable.Repeat("K\x01", 64)) + "tq\0", "0" + View, "." },
        { "a tuple in the name of a device", "(" + new string(')', 100_000) + "tq\0", "0ctorch\ndevice\nh\0\x85R", "." },
        { "mappings at every depth", Mapping + "q\0", "}" + "X\x01\0\0\0k" + "h\0sX\x01\0\0\0lh\0sq\0", "." },
        { "modules that share modules", "N", ModuleOfTwo, "." },
        { "a long name in many mappings", "X\0\0\x02\0" + "features.0." + new string('a', 131_061) + "q\0", "}h\0" + Tensor0 + "s", "." },
        { "storages", "(", "(X\a\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\0" + "0X\0\0\0\0K\x03tQ", "t." },
    };

    [Theory]
    [MemberData(nameof(Pickles))]
    public void A_pickle_that_repeats_itself_stays_within_the_bound(string name, string first, string repeated, string last)
    {
        foreach (int length in (int[])[100_000, 1_000_000])
        {
            string body = string.Concat(Enumerable.Repeat(repeated, length / repeated.Length));
            byte[] zip = Zip(("hand/data.pkl", Pickle(first, body, last)), ("hand/data/0", new byte[12]));
            Bounded(name, zip);
        }
    }

    [Fact]
    public void A_header_with_endless_shapes_is_refused()
    {
        string shape = "[" + string.Concat(Enumerable.Repeat("0,", 2_000_000)) + "0]";
        Assert.Contains("more than 64 extents",
            Bounded("shape", Seeds.Header("{\"a\":{\"dtype\":\"F32\",\"shape\":" + shape + ",\"data_offsets\":[0,0]}}"))!.Message);
    }

    [Theory]
    [InlineData("\"t{0}\":{{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}")]
    [InlineData("\"t{0}\":{{\"dtype\":\"X{0}\",\"shape\":[0],\"data_offsets\":[0,0]}}")]
    public void A_header_with_many_entries_stays_within_the_bound(string entry)
    {
        Bounded("entries", Seeds.Header("{" + string.Join(',', Enumerable.Range(0, 30_000).Select(n => string.Format(null, entry, n))) + "}"));
    }

    [Fact]
    public void Metadata_and_long_names_stay_within_the_bound()
    {
        Bounded("metadata", Seeds.Header("{\"__metadata__\":{" + string.Join(',', Enumerable.Range(0, 200_000).Select(n => $"\"{n}\":\"\"")) + "}}"));
        Bounded("name", Seeds.Header(Entry(new string('n', 4_000_000))));
        Bounded("dots", Seeds.Header(Entry(new string('.', 4_000_000))));
        Bounded("depth", Seeds.Header(new string('[', 4_000_000)));
    }

    [Fact]
    public void Prefixes_of_many_networks_stay_within_the_bound()
    {
        Bounded("prefixes", Seeds.Header("{" + string.Join(',', Enumerable.Range(0, 5_000).Select(
            n => Entry($"p{n}.layer1.0.conv1.weight")[1..^1])) + "}"));
    }

    [Fact]
    public void An_archive_of_many_tiny_entries_stays_within_the_bound()
    {
        Bounded("entries", Zip([.. Enumerable.Range(0, 20_000).Select(n => ($"{n}", Array.Empty<byte>()))]));
    }

    [Fact]
    public void Tensors_that_repeat_numbers_are_bounded_together()
    {
        // Each has as many elements as the file has bytes. Any of them alone is accepted; together they would need 80 GB for a file of 1 MB.
        byte[] storage = new byte[100_000];
        string tensors = string.Concat(Enumerable.Range(0, 100).Select(n =>
            Text($"t{n}") + Tensor("0", 25_000, Integer(0), Integer(100_000), Integer(0)) + "s"));
        Assert.Contains("more than 4 times the bytes",
            Assert.Throws<FileFormatException>(() => Open(_folder, Pickle("}", tensors, "."), ("0", storage))).Message);

        string overlapping = string.Concat(Enumerable.Range(0, 100).Select(n =>
            Text($"t{n}") + Tensor("0", 25_000, Integer(n), Integer(24_000), Integer(1)) + "s"));
        Assert.Contains("more than 4 times the bytes",
            Assert.Throws<FileFormatException>(() => Open(_folder, Pickle("}", overlapping, "."), ("0", storage))).Message);
    }

    /// <summary>Each element is a cache miss. Deflated, 100 of these would be 60 s of one core for a file of 2 MB.</summary>
    [Fact]
    public void Elements_of_tensors_that_are_not_contiguous_are_bounded_by_the_file()
    {
        byte[] storage = new byte[8_000_000];
        new Random(1).NextBytes(storage.AsSpan(0, 600_000));
        byte[] zip = Deflated(storage, Enumerable.Range(0, 3).Select(n => (1_000_000, 2)));
        string message = Assert.Throws<FileFormatException>(() => StateDict.Open(_folder.With("a.pth", zip))).Message;
        Assert.Contains("up to tensor 'x1 F32 (1000000)' its tensors with permuted or repeated axes have more elements than the file has bytes", message);
        Assert.Contains("Save contiguous copies", message);

        using StateDict one = StateDict.Open(_folder.With("b.pth", Deflated(storage, [(1_000_000, 2), (2_000_000, 1), (2_000_000, 1), (2_000_000, 1)])));
        Assert.Equal(4, one.Entries.Count);
    }

    /// <summary>Runs end inside of chunks, chunks inside of runs, and an element lies across two blocks of memory.</summary>
    [Theory]
    [InlineData(ElementType.U8)]
    [InlineData(ElementType.BF16)]
    [InlineData(ElementType.F32)]
    [InlineData(ElementType.F64)]
    [InlineData(ElementType.C128)]
    public void A_permuted_tensor_is_read_in_the_order_of_its_indices(ElementType type)
    {
        const int block = 1 << 24;
        byte[] bytes = new byte[block + 1000];
        new Random(1).NextBytes(bytes);
        using FileContents contents = FileContents.Read(_folder.With("a", bytes));
        int size = type.Size;
        long start = block - 900_000L * size / 16 - 1, length = bytes.Length - start;
        (int X, int Y, int Z) extents = (3, 170, 110);
        long[] strides = [1, 331 * 3, 3];
        var storage = new StorageReference("0", type, length, 0, length);
        TensorView view = TensorView.Create(storage, type, 0, [(long)extents.X, (long)extents.Y, (long)extents.Z], [strides[0], strides[1] / 3, strides[2]]);
        byte[] read = view.ReadBytes(new OneStorage(contents, start), TestContext.Current.CancellationToken);
        int at = 0;
        for (int x = 0; x < extents.X; x++)
        {
            for (int y = 0; y < extents.Y; y++)
            {
                for (int z = 0; z < extents.Z; z++, at += size)
                {
                    long from = start + size * (x * strides[0] + y * strides[1] / 3 + z * strides[2]);
                    Assert.True(bytes.AsSpan((int)from, size).SequenceEqual(read.AsSpan(at, size)), $"({x}, {y}, {z})");
                }
            }
        }
        Assert.Equal(read.Length, at);
    }

    private sealed record OneStorage(FileContents Contents, long Start) : IStorages
    {
        public bool BigEndian => false;

        public StorageBytes Open(StorageReference storage, CancellationToken cancel) => new(Contents, Start);
    }

    [Fact]
    public void Tensors_that_share_numbers_as_tied_weights_do_are_read()
    {
        byte[] storage = new byte[4_000_000];
        string tensors = string.Concat(Enumerable.Range(0, 4).Select(n =>
            Text($"t{n}") + Tensor("0", 1_000_000, Integer(0), Integer(1_000_000), Integer(1)) + "s"));
        using StateDict dict = Open(_folder, Pickle("}", tensors, "."), ("0", storage));
        Assert.Equal(4, dict.Entries.Count);
    }

    [Fact]
    public void A_deflated_storage_is_inflated_once_for_all_its_tensors()
    {
        byte[] zip = Deflated([.. Enumerable.Range(0, 10_000).SelectMany(BitConverter.GetBytes)]);
        using FileContents contents = FileContents.Read(_folder.With("a", zip));
        using var directory = new ZipDirectory(contents, new FileBudget(contents.Length));
        ZipEntry entry = directory.Entries["hand/data/0"];
        Assert.True(entry.Deflated);
        FileContents inflated = directory.Open(entry, TestContext.Current.CancellationToken).Contents;
        Assert.NotSame(contents, inflated);
        Assert.Same(inflated, directory.Open(entry, TestContext.Current.CancellationToken).Contents);
        Assert.Equal(40_000, inflated.Length);
    }

    [Fact]
    public void Each_reader_observes_cancellation()
    {
        using var cancelled = new CancellationTokenSource();
        string pth = _folder.With(
            "a.pth", Zip(("hand/data.pkl", Pickle("}", Text("x"), Tensor("0", 3, Integer(0), Integer(3), Integer(1)), "s.")), ("hand/data/0", new byte[12])));
        string deflated = _folder.With("b.pth", Deflated(new byte[4000]));
        string legacy = Fixture.Path("plain.legacy.pth"), safetensors = Fixture.Path("expected.safetensors");
        StateDict[] open = [StateDict.Open(pth), StateDict.Open(deflated), StateDict.Open(legacy), StateDict.Open(safetensors)];
        cancelled.Cancel();
        foreach (string path in (string[])[pth, deflated, legacy, safetensors])
            Assert.ThrowsAny<OperationCanceledException>(() => StateDict.Open(path, cancel: cancelled.Token));
        foreach (StateDict dict in open)
        {
            StateDictEntry entry = dict.Entries.First(entry => entry.Type.IsFloating && entry.Count > 0);
            Assert.ThrowsAny<OperationCanceledException>(() => entry.Read(cancelled.Token));
            Assert.ThrowsAny<OperationCanceledException>(() => dict.Sha256(cancelled.Token));
            Assert.ThrowsAny<OperationCanceledException>(() => Conversion.Write(dict, _folder["c"], cancel: cancelled.Token));
            dict.Dispose();
            // A cancelled read leaves nothing that a later one could take for the whole.
            Assert.Throws<ObjectDisposedException>(() => entry.Read(TestContext.Current.CancellationToken));
        }
        Assert.ThrowsAny<OperationCanceledException>(() => new FileBudget(0, cancelled.Token).Charge(1));
    }

    [Fact]
    public void A_budget_grows_with_the_file_and_ends()
    {
        Assert.Throws<InvalidDataException>(() => new FileBudget(0).Charge((16 << 20) + 1));
        new FileBudget(1 << 20).Charge(48 << 20);
        Assert.Throws<InvalidDataException>(() => new FileBudget(1 << 20).Charge((48 << 20) + 1));
        Assert.Throws<InvalidDataException>(() => new FileBudget(long.MaxValue).Charge((320L << 20) + 1));
        var spent = new FileBudget(0);
        for (int i = 0; i < 16; i++)
            spent.Charge(1 << 20);
        Assert.Throws<InvalidDataException>(() => spent.Charge(1));
    }

    private const string View = "ctorch._utils\n_rebuild_tensor\n((X\a\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\00X\0\0\0\0K\x03tQK\0h\0h\0tR";
    private const string Tensor0 =
        "ctorch._utils\n_rebuild_tensor\n((X\a\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\00X\0\0\0\0K\x03tQK\0K\x01\x85K\x01\x85tR";
    private const string Mapping =
        "}X\x01\0\0\0wctorch._utils\n_rebuild_tensor\n((X\a\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\00X\0\0\0\0K\x03tQK\0K\x01\x85K\x01\x85tRs";

    /// <summary>Replaces the module at memo 1 by one that contains it twice.</summary>
    private const string ModuleOfTwo = "q\u00010cm\nM\n)\x81}(X\v\0\0\0_parameters}X\b\0\0\0_buffers}X\b\0\0\0_modules}(X\x01\0\0\0ah\x01X\x01\0\0\0bh\x01uub";

    /// <summary>Opens a file and reads every tensor, and measures what that allocates.</summary>
    private FileFormatException? Bounded(string name, byte[] file)
    {
        string path = _folder.With("bomb", file);
        FileFormatException? refused = null;
        long before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            using StateDict dict = StateDict.Open(path);
            foreach (StateDictEntry entry in dict.Entries)
                entry.ReadBytes();
        }
        catch (FileFormatException e)
        {
            refused = e;
        }
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(allocated <= 100L * file.Length + (64 << 20), $"{name}: {file.Length} bytes made {allocated}");
        Assert.True((refused?.Message.Length ?? 0) < 300_000, "the message is as long as the file");
        return refused;
    }

    private static string Entry(string name) => $$$"""{"{{{name}}}":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}""";

    /// <summary>A deflated archive with one tensor x over all of a storage.</summary>
    private static byte[] Deflated(byte[] storage) => Deflated(storage, [(storage.Length / 4, 1)]);

    /// <summary>A deflated archive with tensors x, x1, x2, ... of a storage of float32, each with its extent and stride.</summary>
    private static byte[] Deflated(byte[] storage, IEnumerable<(int Extent, int Stride)> tensors)
    {
        string views = string.Concat(tensors.Select((view, n) =>
            Text(n == 0 ? "x" : $"x{n}") + Tensor("0", storage.Length / 4, Integer(0), Integer(view.Extent), Integer(view.Stride)) + "s"));
        return Seeds.Zip([("hand/data.pkl", Pickle("}", views, ".")), ("hand/data/0", storage)], CompressionLevel.Fastest);
    }
}
