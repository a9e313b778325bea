//! Names of MITRE ATT&CK techniques, which some formats want beside the id (attack.mitre.org, Enterprise, version 16.1).

/// The name of a technique; its id where it is not in the table.
pub(crate) fn name(id: &str) -> &str {
    NAMES
        .iter()
        .find(|(known, _)| *known == id)
        .map_or(id, |(_, name)| name)
}

const NAMES: &[(&str, &str)] = &[
    ("T1021.001", "Remote Services: Remote Desktop Protocol"),
    ("T1021.004", "Remote Services: SSH"),
    ("T1021.008", "Remote Services: Direct Cloud VM Connections"),
    ("T1059.009", "Command and Scripting Interpreter: Cloud API"),
    ("T1072", "Software Deployment Tools"),
    ("T1078.004", "Valid Accounts: Cloud Accounts"),
    ("T1098", "Account Manipulation"),
    ("T1098.001", "Account Manipulation: Additional Cloud Credentials"),
    ("T1098.003", "Account Manipulation: Additional Cloud Roles"),
    ("T1098.004", "Account Manipulation: SSH Authorized Keys"),
    (
        "T1098.006",
        "Account Manipulation: Additional Container Cluster Roles",
    ),
    ("T1136.003", "Create Account: Cloud Account"),
    ("T1190", "Exploit Public-Facing Application"),
    (
        "T1195.002",
        "Supply Chain Compromise: Compromise Software Supply Chain",
    ),
    ("T1199", "Trusted Relationship"),
    ("T1484", "Domain or Tenant Policy Modification"),
    (
        "T1484.002",
        "Domain or Tenant Policy Modification: Trust Modification",
    ),
    ("T1525", "Implant Internal Image"),
    ("T1530", "Data from Cloud Storage"),
    ("T1537", "Transfer Data to Cloud Account"),
    (
        "T1548.005",
        "Abuse Elevation Control Mechanism: Temporary Elevated Cloud Access",
    ),
    (
        "T1550.001",
        "Use Alternate Authentication Material: Application Access Token",
    ),
    ("T1552", "Unsecured Credentials"),
    ("T1552.001", "Unsecured Credentials: Credentials In Files"),
    ("T1552.005", "Unsecured Credentials: Cloud Instance Metadata API"),
    (
        "T1555.006",
        "Credentials from Password Stores: Cloud Secrets Management Stores",
    ),
    (
        "T1556.006",
        "Modify Authentication Process: Multi-Factor Authentication",
    ),
    ("T1557", "Adversary-in-the-Middle"),
    ("T1567", "Exfiltration Over Web Service"),
    ("T1578", "Modify Cloud Compute Infrastructure"),
    (
        "T1578.002",
        "Modify Cloud Compute Infrastructure: Create Cloud Instance",
    ),
    ("T1606", "Forge Web Credentials"),
    ("T1606.002", "Forge Web Credentials: SAML Tokens"),
    ("T1609", "Container Administration Command"),
    ("T1610", "Deploy Container"),
    ("T1648", "Serverless Execution"),
    ("T1651", "Cloud Administration Command"),
];
