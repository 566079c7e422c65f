using System.Text;
using Fuzz;
using Iba.Weights;

namespace Tests.Weights;

/// <summary>The files that make_fixtures.py wrote, and small files made by hand.</summary>
internal static class Fixture
{
    public static string Path(string file) => System.IO.Path.Combine(Golden.Root, "tests", "weights", "fixtures", file);

    public static byte[] Bytes(string file) => File.ReadAllBytes(Path(file));

    /// <summary>A zip archive of stored entries.</summary>
    public static byte[] Zip(params (string Name, byte[] Data)[] entries) => Seeds.Zip(entries);

    /// <summary>
    /// A pickle put together from texts and bytes: "c" + "os\nsystem\n" is a GLOBAL. Characters stand for their Latin-1 codes.
    /// </summary>
    public static byte[] Pickle(params string[] parts) => Encoding.Latin1.GetBytes(string.Concat(parts));

    /// <summary>A short text instruction (BINUNICODE).</summary>
    public static string Text(string text) => $"X{(char)text.Length}\0\0\0{text}";

    /// <summary>An integer of eight bytes (LONG1).</summary>
    public static string Integer(long value) => "\x8a\x08" + Encoding.Latin1.GetString(BitConverter.GetBytes(value));

    /// <summary>A float32 tensor of one axis, as torch.save pickles it.</summary>
    public static string Tensor(string key, long elements, string offset, string extent, string stride) =>
        "ctorch._utils\n_rebuild_tensor_v2\n((" + Text("storage") + "ctorch\nFloatStorage\n" + Text(key) + Text("cpu") + Integer(elements)
        + "tQ" + offset + extent + "\x85" + stride + "\x85\u0089ccollections\nOrderedDict\n)RtR";

    /// <summary>Opens what a torch zip with this pickle and these storages would be.</summary>
    public static StateDict Open(TemporaryFolder folder, byte[] pickle, params (string Key, byte[] Data)[] storages) => StateDict.Open(
        folder.With("hand.pth", Zip([("hand/data.pkl", pickle), .. storages.Select(s => ($"hand/data/{s.Key}", s.Data))])));

    public static float[] Floats(this StateDict dict, string name) => dict[name].Read();
}
