using System.Runtime.InteropServices;
using System.Text;
using Iba.Datasets;
using Iba.Engine;
using Iba.Engine.Files;

namespace Iba.Evaluation;

/// <summary>What the ledgers of an evaluation's folder hold.</summary>
/// <param name="Settings">The settings of the records, by <see cref="EvaluationSettings.Id"/>.</param>
/// <param name="Records">The records, file by file in ordinal order of their names, in the order in which they were written.</param>
/// <param name="Photos">How many photos the evaluation has; 0 if unknown.</param>
/// <param name="Notes">What was dropped, a line for each file.</param>
public sealed record LedgerContents(
    IReadOnlyDictionary<string, EvaluationSettings> Settings, IReadOnlyList<EvaluationRecord> Records, int Photos, IReadOnlyList<string> Notes)
{
    /// <summary>The arithmetics of the records, in the order in which they appear.</summary>
    public IReadOnlyList<Arithmetic> Arithmetics => [.. Records.OfType<Measurement>().Select(record => record.Arithmetic).OfType<Arithmetic>().Distinct()];
}

/// <summary>
/// An evaluation's folder: append-only files of records, one for each shard, so that no two processes write to one file. A batch of records is written
/// at once and flushed to the disk. What a killed process or a power failure leaves incomplete at the end of a file is dropped; damage anywhere else is
/// an error.
/// </summary>
/// <remarks>A process that writes holds a lock on a file beside the ledger. The system releases the lock when the process ends, however it ends.</remarks>
public sealed class Ledger : IDisposable
{
    private const string Prefix = "ledger", Ending = ".jsonl";

    private readonly string _path;
    private readonly FileStream _lock, _file;

    /// <summary>Opens a shard's file to append records to it. The folder is made if it is missing.</summary>
    /// <param name="folder">The evaluation's folder.</param>
    /// <param name="shard">The shard.</param>
    /// <param name="settings">The settings of the records to come.</param>
    /// <param name="photos">How many photos the evaluation has, whatever its shards.</param>
    /// <exception cref="LedgerException">
    /// Another process writes to the file; a file of the folder is damaged; the folder holds records of other settings; or it cannot be written.
    /// </exception>
    public Ledger(string folder, Shard shard, IReadOnlyList<EvaluationSettings> settings, int photos)
    {
        _path = Path.Combine(folder, $"{Prefix}{shard.Suffix}{Ending}");
        try
        {
            Directory.CreateDirectory(folder);
            _lock = Lock(Path.ChangeExtension(_path, ".lock"));
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            throw Unwritable(refused);
        }
        try
        {
            Contents = Read(folder);
            foreach (EvaluationSettings mine in settings)
                MustAgree(folder, Contents.Settings.Values, mine, "Give the settings that it was begun with, or another --out");
            _file = new FileStream(_path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0);
            // What the last process left incomplete.
            _file.SetLength(File(_path).Length);
            _file.Seek(0, SeekOrigin.End);
            string[] present = [.. Contents.Settings.Keys];
            Write([.. settings.Where(mine => !present.Contains(mine.Id)).DistinctBy(mine => mine.Id).Select(LedgerLine.Of),
                .. Contents.Photos == photos ? (string[])[] : [LedgerLine.Of(new PlannedPhotos(photos))]]);
        }
        catch (Exception failed)
        {
            _file?.Dispose();
            _lock.Dispose();
            throw failed is IOException or UnauthorizedAccessException ? Unwritable(failed) : failed;
        }
    }

    /// <summary>What the folder held when it was opened, all shards together.</summary>
    public LedgerContents Contents { get; }

    /// <summary>A record's line without its end, as a ledger holds it.</summary>
    public static string Line(EvaluationRecord record) => LedgerLine.Of(record);

    /// <summary>Reads an evaluation's folder, while other processes may write to it.</summary>
    /// <exception cref="LedgerException">There is no ledger, or one is damaged or cannot be read.</exception>
    public static LedgerContents Open(string folder) => Files(folder).Length > 0 ? Read(folder) : throw new LedgerException(
        folder, Directory.Exists(folder) ? "it holds no ledger" : "there is no such folder", "Name the folder of --out of: iba evaluate run");

    /// <summary>Joins evaluations, such as the shards that several machines computed, in one file with sorted lines.</summary>
    /// <param name="folders">The folders.</param>
    /// <param name="to">The new folder.</param>
    /// <returns>What it holds.</returns>
    /// <exception cref="LedgerException">A folder holds no ledger or a damaged one, two of them disagree, or the new one holds a ledger already.</exception>
    /// <exception cref="FileWriteException">The file cannot be written.</exception>
    public static LedgerContents Merge(IReadOnlyList<string> folders, string to)
    {
        if (Files(to).Length > 0)
            throw new LedgerException(to, "it holds a ledger already", "Name a new folder");
        LedgerContents[] parts = [.. folders.Select(Open)];
        var records = new Dictionary<(string Settings, string Name), (string Line, EvaluationRecord Record, string Folder)>();
        var settings = new Dictionary<string, EvaluationSettings>();
        foreach ((LedgerContents part, string folder) in parts.Zip(folders))
        {
            foreach (EvaluationSettings each in part.Settings.Values)
                Add(settings, each, folder);
            foreach (EvaluationRecord record in part.Records)
            {
                string line = LedgerLine.Of(record);
                if (records.TryGetValue((record.Settings, record.Name), out var other) && other.Line != line)
                {
                    throw new LedgerException(folder, $"its record of {record.Name} ({Subject(record)}) differs from the one in {other.Folder}",
                        "Find out which is right with: iba evaluate verify, and leave the other folder out");
                }
                records[(record.Settings, record.Name)] = (line, record, folder);
            }
        }
        int photos = parts.Max(part => part.Photos);
        (string Line, EvaluationRecord Record, string Folder)[] sorted =
        [
            .. records.Values.OrderBy(each => each.Record.Name, StringComparer.Ordinal).ThenBy(each => Subject(each.Record), StringComparer.Ordinal)
                .ThenBy(each => each.Line, StringComparer.Ordinal),
        ];
        string[] lines =
        [
            LedgerLine.Of(new PlannedPhotos(photos)), .. settings.Values.OrderBy(each => each.Id, StringComparer.Ordinal).Select(LedgerLine.Of),
            .. sorted.Select(each => each.Line),
        ];
        AtomicFile.Write(Path.Combine(to, $"{Prefix}{Ending}"), Text(lines));
        return new LedgerContents(settings, [.. sorted.Select(each => each.Record)], photos, [.. parts.SelectMany(part => part.Notes)]);

        static string Subject(EvaluationRecord record) =>
            record is Measurement of ? $"{of.Measure}, {of.Method}" : $"{((LeftOutPhoto)record).Measure}, left out";
    }

    /// <summary>Appends records, and flushes them to the disk. Photos that failed are not kept.</summary>
    /// <exception cref="LedgerException">They cannot be written. What was written before is kept.</exception>
    public void Append(IEnumerable<EvaluationRecord> records)
    {
        try
        {
            Write([.. records.Where(record => record is not FailedPhoto).Select(LedgerLine.Of)]);
        }
        catch (Exception failed) when (failed is IOException or UnauthorizedAccessException)
        {
            throw Unwritable(failed);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _file.Dispose();
        _lock.Dispose();
    }

    private void Write(string[] lines)
    {
        if (lines.Length == 0)
            return;
        long before = _file.Length;
        try
        {
            _file.Write(Text(lines));
            _file.Flush(flushToDisk: true);
        }
        // .NET's exception for a file that is longer than the file system or the process's limit allows is not an IOException.
        catch (Exception failed) when (failed is IOException or ArgumentOutOfRangeException)
        {
            // Whole records or none: shortening a file works on a full disk, too.
            _file.SetLength(before);
            throw new IOException(failed.Message, failed);
        }
    }

    private static byte[] Text(string[] lines) => Encoding.UTF8.GetBytes(string.Concat(lines.Select(line => $"{line}\n")));

    private static string[] Files(string folder) =>
        Directory.Exists(folder) ? [.. Directory.GetFiles(folder, $"{Prefix}*{Ending}").Order(StringComparer.Ordinal)] : [];

    private static LedgerContents Read(string folder)
    {
        var settings = new Dictionary<string, EvaluationSettings>();
        var records = new Dictionary<RecordKey, EvaluationRecord>();
        var notes = new List<string>();
        var shared = new Dictionary<(string Measure, string Quantity), double[]>();
        int photos = 0;
        foreach (string path in Files(folder))
        {
            (IReadOnlyList<object> lines, long length, string? note) = File(path);
            if (note is not null)
                notes.Add(note);
            foreach (object line in lines)
            {
                if (line is EvaluationSettings of)
                    Add(settings, of, path);
                else if (line is PlannedPhotos planned)
                    photos = Math.Max(photos, planned.Count);
                else
                    records.TryAdd(((EvaluationRecord)line).Key, line is Measurement measurement ? Shared(measurement) : (EvaluationRecord)line);
            }
        }
        return new LedgerContents(settings, [.. records.Values], photos, notes);

        // Records of one photo or measure hold the same positions or logits, half of all their numbers: they are kept once.
        Measurement Shared(Measurement record) => record with { Numbers = [.. record.Numbers.Select(each => Last(record.Measure, each))] };

        Quantity Last(string measure, Quantity each)
        {
            if (shared.TryGetValue((measure, each.Name), out double[]? last)
                && MemoryMarshal.AsBytes<double>(last).SequenceEqual(MemoryMarshal.AsBytes<double>(each.Values)))
            {
                return each with { Values = last };
            }
            shared[(measure, each.Name)] = each.Values;
            return each;
        }
    }

    private static void Add(Dictionary<string, EvaluationSettings> settings, EvaluationSettings each, string place)
    {
        if (!settings.ContainsKey(each.Id))
            MustAgree(place, settings.Values, each, "Find out which is wanted, and move the other ledger to a folder of its own");
        settings[each.Id] = each;
    }

    /// <summary>Refuses settings whose records would be mixed with others of the same method and measure, or of another network.</summary>
    private static void MustAgree(string place, IEnumerable<EvaluationSettings> there, EvaluationSettings mine, string nextStep)
    {
        if (there.Select(mine.Conflict).FirstOrDefault(conflict => conflict is not null) is { } conflict)
            throw new LedgerException(place, $"it holds records of {conflict}", nextStep);
    }

    /// <summary>The lines of a file, and the length up to the end of the last good one.</summary>
    private static (IReadOnlyList<object> Lines, long Length, string? Note) File(string path)
    {
        var lines = new List<object>();
        long length = 0, end = 0;
        int number = 0, damaged = 0;
        try
        {
            if (!System.IO.File.Exists(path))
                return ([], 0, null);
            // Opening a pipe would wait for its writer.
            if (FileStatus.Of(path) is { Type: not FileType.Regular })
                throw new LedgerException(path, "it is a pipe or a device", "Move it away");
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            // Line by line: a file of the paper's 50 000 photos is larger than an array can be.
            using var line = new MemoryStream();
            byte[] part = new byte[1 << 16];
            for (int count = file.Read(part); count > 0; count = file.Read(part))
            {
                ReadOnlySpan<byte> rest = part.AsSpan(0, count);
                for (int at = rest.IndexOf((byte)'\n'); at >= 0; at = rest.IndexOf((byte)'\n'))
                {
                    line.Write(rest[..at]);
                    AddLine(line, ended: true);
                    rest = rest[(at + 1)..];
                }
                line.Write(rest);
            }
            if (line.Length > 0)
                AddLine(line, ended: false);
        }
        catch (Exception failed) when (failed is IOException or UnauthorizedAccessException)
        {
            throw new LedgerException(path, "it cannot be read", "Check its permissions and the disk", failed);
        }
        return (lines, length, damaged == 0 ? null : $"{path}: line {damaged} is incomplete, as a stopped process leaves it; it is dropped and computed again");

        void AddLine(MemoryStream text, bool ended)
        {
            number++;
            end += text.Length + 1;
            object? line = ended ? LedgerLine.Read(text.GetBuffer().AsSpan(0, (int)text.Length)) : null;
            text.SetLength(0);
            if (line is null)
            {
                damaged = damaged == 0 ? number : damaged;
                return;
            }
            if (damaged > 0)
            {
                throw new LedgerException(path, $"line {damaged} is damaged, and the lines after it are not", "Restore the file from a copy, or delete this "
                    + "line: the next run computes what it held");
            }
            lines.Add(line);
            length = end;
        }
    }

    private FileStream Lock(string path)
    {
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
        }
        // EWOULDBLOCK of Linux and macOS, ERROR_SHARING_VIOLATION of Windows; a read-only disk is another reason.
        catch (IOException held) when ((held.HResult & 0xFFFF) is 11 or 35 or 32)
        {
            throw new LedgerException(_path, "another process is writing to it", "Wait until it has ended, or give this process another --shard or --out");
        }
    }

    private LedgerException Unwritable(Exception failed) => failed as LedgerException ?? new LedgerException(_path,
        $"it cannot be written ({(failed is UnauthorizedAccessException ? "permission denied" : failed.Message.Split(" : '")[0].TrimEnd('.'))})",
        "What was finished is kept: free space or change the permissions, and run the same command again", failed);
}

/// <summary>A ledger that cannot be used, and why.</summary>
/// <param name="subject">The file or folder.</param>
/// <param name="reason">What is wrong with it.</param>
/// <param name="nextStep">The next step.</param>
/// <param name="inner">The underlying error, if any.</param>
public sealed class LedgerException(string subject, string reason, string nextStep, Exception? inner = null)
    : IbaException(subject, reason, $"{nextStep}.", inner);
